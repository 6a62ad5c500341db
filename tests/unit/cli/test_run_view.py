"""A run while it goes on: a tree that stays on a terminal, lines in a file, and its end."""

import io

import pytest
from rich.console import Console

from harness.cli.run_view import RunView, changes, local_time, print_end
from harness.redact import remember_secrets

from ..fakes.run_scene import RunScene


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> RunScene:
    return RunScene(monkeypatch)


def a_console(*, is_terminal: bool = False) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=80, height=24, force_terminal=is_terminal, color_system=None), out


def retry_in_a_second_pod(scene: RunScene) -> None:
    scene.pod(1, "pod-1", task="first", phase="Running")
    scene.set(1, "first", try_number=1, state="running", queued=0, start=1)
    scene.set(3, "first", state="up_for_retry", end=3)
    scene.pod(3, "pod-1", task="first", phase="Failed")
    scene.pod(7, "pod-2", task="first", try_number=2, phase="Pending")
    scene.set(7, "first", try_number=2, state="queued", queued=7)
    scene.pod(9, "pod-2", task="first", try_number=2, phase="Running")
    scene.set(9, "first", state="running", start=9)
    scene.set(12, "first", state="success", end=12)
    scene.pod(12, "pod-2", task="first", try_number=2, phase="Succeeded")
    scene.set(13, "then", state="skipped")
    scene.end(14, "success")


def test_without_a_terminal_each_change_is_one_line(scene: RunScene) -> None:
    retry_in_a_second_pod(scene)
    console, out = a_console()
    run = scene.start()
    with RunView(console) as view:
        scene.follow(run, look=view.show)
    assert out.getvalue().splitlines() == [
        "    0.0 s  run: queued",
        "    1.0 s  first try 1: running (pod-1 on node-1)",
        "    3.0 s  first try 1: up_for_retry (pod-1)",
        "    7.0 s  first try 2: queued",
        "    9.0 s  first try 2: running (pod-2 on node-1)",
        "   12.0 s  first try 2: success (pod-2)",
        "   13.0 s  then: skipped",
    ]


@pytest.mark.parametrize("state", ["failed", "up_for_retry", "success", "skipped", "deferred", "up_for_reschedule"])
@pytest.mark.parametrize("phases", [("Running", "Failed", ""), ("Running", "Succeeded"), ("Failed", "Failed"), ("",)])
def test_try_that_has_ended_is_one_line_whatever_its_pod_does(
    scene: RunScene, state: str, phases: tuple[str, ...]
) -> None:
    scene.pod(1, "pod-1", task="first", phase="Running")
    scene.set(1, "first", try_number=1, state="running", start=1)
    scene.set(3, "first", state=state, end=3)
    for seconds, phase in enumerate(phases, start=3):
        if phase:
            scene.pod(seconds, "pod-1", task="first", phase=phase)
        else:
            scene.time.at(seconds, lambda: scene.server.remove("pods", "tools", "pod-1"))
    scene.end(8, "failed")
    console, out = a_console()
    run = scene.start()
    with RunView(console) as view:
        scene.follow(run, look=view.show)
    assert [line for line in out.getvalue().splitlines() if state in line] == [
        f"    3.0 s  first try 1: {state} (pod-1)"
    ]


def test_pod_that_cannot_start_is_a_change(scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="queued", queued=1)
    waiting = {"name": "base", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    scene.pod(1, "pod-1", task="first")

    def fail_to_pull() -> None:
        pod = scene.server.objects["pods", "tools", "pod-1"]
        scene.server.put("pods", {**pod, "status": {"phase": "Pending", "containerStatuses": [waiting]}})

    scene.time.at(4, fail_to_pull)
    scene.end(6, "failed")
    scene.follow(scene.start())
    lines = [
        line
        for before, after in zip([None, *scene.snapshots], scene.snapshots, strict=False)
        for line in changes(before, after)
    ]
    assert lines == [
        "    0.0 s  run: queued",
        "    1.0 s  first try 1: queued",
        "    4.0 s  first try 1: queued (pod-1 Pending ImagePullBackOff)",
    ]


def test_on_a_terminal_the_tree_is_drawn_in_place(scene: RunScene) -> None:
    retry_in_a_second_pod(scene)
    console, out = a_console(is_terminal=True)
    run = scene.start()
    with RunView(console) as view:
        view.say("said above")
        scene.follow(run, look=view.show)
    text = out.getvalue()
    assert "said above" in text
    assert "\x1b[1A\x1b[2K" in text  # the line above is written anew
    last = text[text.rindex("run manual-") :]
    assert [line.rstrip() for line in last.splitlines()[:5]] == [
        f"run {run.run_id} of DAG example  success   14 s",
        "├── first      success",
        "│   ├── try 1  up_for_retry    2.0 s  pod-1 Failed",
        "│   └── try 2  success      3.0 s  pod-2",
        "└── then       skipped",
    ]


def test_end_of_a_failed_run_is_the_log_s_end_and_one_line(scene: RunScene) -> None:
    remember_secrets(["s3cr3t-value"])
    scene.set(1, "first", try_number=1, state="failed", start=1, end=2)
    scene.pod(1, "pod-1", task="first", phase="Failed")
    scene.set(2, "then", state="upstream_failed")
    scene.end(32.1, "failed")
    run = scene.start()
    entries = [{"timestamp": "2026-11-22T12:00:01.5Z", "level": "info", "event": f"line {n}"} for n in range(100)]
    scene.run.logs["first", -1, 1] = [*entries, "password=hunter22 [bold] s3cr3t-value"]
    console, out = a_console()
    print_end(console, run, scene.follow(run))
    lines = out.getvalue().splitlines()
    assert lines[0] == "first try 1 failed in pod pod-1 Failed; the end of its log:"
    assert len(lines) == 43
    assert lines[1] == "  [61 lines before these are left out]"
    assert lines[2].endswith("info line 61")
    assert lines[-2] == "  password=*** [bold] ***"
    assert lines[-1] == f"run {run.run_id} of DAG example: failed in 32.1 s (1 of 2 tasks failed, 1 upstream_failed)"


def test_long_line_is_cut_and_says_how_much_is_missing(scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="failed", start=1, end=2)
    scene.end(3, "failed")
    run = scene.start()
    scene.run.logs["first", -1, 1] = ["x" * 5000, "y" * 30_000_000]
    console, out = a_console()
    print_end(console, run, scene.follow(run))
    lines = out.getvalue().splitlines()
    assert lines[1] == f"  {'x' * 4000} [1,000 more characters are not shown]"
    assert lines[2].startswith("  " + "y" * 4000)
    assert len(lines[2]) < 4100


def test_log_that_is_not_there_says_why(scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="failed", start=1, end=2)
    scene.end(3, "failed")
    run = scene.start()
    last = scene.follow(run)
    console, out = a_console()
    print_end(console, run, last)
    assert "  there is none: Airflow API: GET" in out.getvalue()
    scene.run.logs["first", -1, 1] = []
    console, out = a_console()
    print_end(console, run, last)
    assert "  there is none: the task has written nothing" in out.getvalue()


def test_try_without_a_pod_says_why_kubernetes_refused_it(scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="failed", start=1, end=2)
    scene.end(3, "failed")
    extra = (
        'Extra info: (403)\nHTTP response body: {"status":"Failure","message":"pods \\"a\\" is forbidden: no root"}\n'
    )
    scene.airflow.answers["/api/v2/eventLogs"] = {"event_logs": [mismatch(extra)], "total_entries": 1}
    run = scene.start()
    console, out = a_console()
    print_end(console, run, scene.follow(run))
    assert out.getvalue().splitlines()[0] == 'first try 1 failed without a pod: pods "a" is forbidden: no root'


def mismatch(extra: str) -> dict[str, object]:
    told: dict[str, object] = {"event": "state mismatch", "when": None, "task_id": "first", "map_index": None}
    return {**told, "try_number": 1, "extra": extra}


def test_end_of_a_good_run_is_one_line(scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="success", start=0, end=1)
    scene.set(2, "then", try_number=1, state="success", start=1, end=2)
    scene.end(2, "success")
    run = scene.start()
    console, out = a_console()
    print_end(console, run, scene.follow(run))
    assert out.getvalue() == f"run {run.run_id} of DAG example: success in 2.0 s (2 tasks)\n"


def test_logs_are_told_by_whose_they_are(scene: RunScene) -> None:
    console, out = a_console()
    with RunView(console) as view:
        view.log("first[3]", ["[bold]hello token=abcdef", "ValueError: boom"])
    assert out.getvalue() == "first[3] | [bold]hello token=***\nfirst[3] | ValueError: boom\n"
    assert scene.said == []


def test_times_of_logs_are_those_of_this_place() -> None:
    assert local_time("2026-13-99Tnonsense x") == "2026-13-99Tnonsense x"
    assert local_time("no time at all") == "no time at all"
    line = local_time("2026-11-22T12:00:01.500000Z info hello")
    assert line.endswith(":00:01 info hello")
    assert len(line) == len("12:00:01 info hello")
