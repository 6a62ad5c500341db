"""Logs as they come: each line once, none lost, without what Airflow says of its own work."""

from typing import Any

import pytest

from harness.observe import task_logs
from harness.observe.snapshots import RunSnapshot
from harness.observe.task_logs import TaskLogs
from harness.redact import remember_variables

from ..fakes.run_scene import RunScene


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> RunScene:
    return RunScene(monkeypatch)


def event(text: str, level: str = "info", **others: Any) -> dict[str, Any]:
    return {"timestamp": "2026-11-22T12:00:00Z", "level": level, "event": text, "task_id": "first", **others}


def read(scene: RunScene) -> list[tuple[str, str]]:
    run = scene.start()
    logs = TaskLogs(run)
    seen: list[tuple[str, str]] = []

    def look(snapshot: RunSnapshot) -> None:
        for who, lines in logs.news(snapshot):
            seen.extend((who, line.removeprefix("2026-11-22T12:00:00Z ")) for line in lines)

    scene.follow(run, look=look)
    return seen


def write(scene: RunScene, seconds: float, *entries: Any, map_index: int = -1, try_number: int = 1) -> None:
    def write_now() -> None:
        scene.run.logs.setdefault(("first", map_index, try_number), []).extend(entries)

    scene.time.at(seconds, write_now)


def test_lines_come_while_the_task_runs_each_once(scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="running", start=1)
    write(scene, 1, event("one"))
    write(scene, 3, event("two"), event("three", rows=3))
    scene.set(4, "first", state="success", end=4)
    write(scene, 5, event("four"))
    scene.end(9, "success")
    assert read(scene) == [
        ("first", "info one"),
        ("first", "info two"),
        ("first", "info three {'rows': 3}"),
        ("first", "info four"),
    ]
    asked = [path for path in scene.airflow.paths() if "/logs/" in path]
    assert len(asked) == 7  # at each second from 1 to 7, and not again when it was whole


def test_log_that_is_late_is_read_after_the_run(scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="success", start=0, end=1)
    scene.end(2, "success")
    write(scene, 2, event("at last"))
    assert read(scene) == [("first", "info at last")]


def test_retries_and_mapped_tasks_are_told_apart(scene: RunScene) -> None:
    scene.set(1, "first", 4, try_number=1, state="up_for_retry", start=0, end=1)
    write(scene, 1, event("boom", level="error"), map_index=4)
    scene.set(3, "first", 4, try_number=2, state="success", start=2, end=3)
    write(scene, 3, event("fine"), map_index=4, try_number=2)
    scene.end(6, "success")
    assert read(scene) == [("first[4]", "error boom"), ("first[4] try 2", "info fine")]


def test_many_tasks_are_read_a_few_at_a_time_without_a_loss(scene: RunScene) -> None:
    for index in range(50):
        scene.set(1, "first", index, try_number=1, state="success", start=0, end=1)
        write(scene, 1, event(f"task {index}"), map_index=index)
    scene.end(3, "success")
    asked: list[int] = []
    run = scene.start()
    logs = TaskLogs(run)
    seen: list[str] = []

    def look(snapshot: RunSnapshot) -> None:
        before = len(scene.airflow.requests)
        seen.extend(who for who, _ in logs.news(snapshot))
        asked.append(len(scene.airflow.requests) - before)

    scene.follow(run, look=look)
    assert sorted(seen) == sorted(f"first[{index}]" for index in range(50))
    assert asked[:3] == [0, 10, 10]


def test_airflow_s_own_lines_are_left_out_but_for_problems(scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="success", start=0, end=1)
    runner = {"filename": "/opt/x/site-packages/airflow/sdk/execution_time/task_runner.py", "lineno": 1, "name": "run"}
    frames = [runner, {"filename": "d.py", "lineno": 3, "name": "f"}]
    trace = {"exc_type": "ValueError", "exc_value": "boom", "frames": frames}
    own = [
        {"event": "::group::Log message source details"},
        {"event": "/opt/airflow/logs/attempt=1.log"},
        {"event": "::endgroup::"},
        event("::group::Pre Execute", logger="task"),
        event("DAG bundles loaded", logger="airflow.dag_processing.bundles.manager.DagBundlesManager"),
        event("cannot read it", level="error", error_detail=[trace], logger="task"),
        event("parse complete", logger="task"),
        event("::endgroup::", logger="task"),
    ]
    mine = [event("hello"), event("::group::my own part"), event("inside"), event("::endgroup::"), event("bye")]
    write(scene, 1, *own, *mine)
    scene.end(3, "success")
    assert [line for _, line in read(scene)] == [
        "error cannot read it",
        "Traceback (most recent call last):",
        '  File "d.py", line 3, in f',
        "ValueError: boom",
        "info hello",
        "info ::group::my own part",
        "info inside",
        "info bye",
    ]


LOGGERS = (
    "task.stdout",
    "task.stderr",
    "root",
    "task",
    "airflow.task",
    "airflow.task.operators.bash",
    "reports.loader",
    "",
)


@pytest.mark.parametrize("logger", LOGGERS)
@pytest.mark.parametrize("group", ["Pre Execute", "Post Execute"])
def test_what_a_task_or_a_callback_wrote_is_never_folded(scene: RunScene, group: str, logger: str) -> None:
    scene.set(1, "first", try_number=1, state="success", start=0, end=1)
    mine = {"logger": logger, "filename": "reports.py"} if logger else {}
    write(
        scene,
        1,
        event(f"::group::{group}", logger="task"),
        event("Pushing xcom", logger="task"),
        event("printed late", **mine),
        event("::group::of a callback", **mine),
        event("inside", level="debug", **mine),
        event("::endgroup::", **mine),
        event("Running finalizers", level="debug", logger="task"),
        event("::group::Post Execute", **mine),
        event("see ::group::x and ::endgroup:: in the docs", **mine),
        event("several\nlines", **mine),
        event("::endgroup::", logger="task"),
        event("last", **mine),
    )
    scene.end(3, "success")
    assert [line for _, line in read(scene)] == [
        "info printed late",
        "info ::group::of a callback",
        "debug inside",
        "info ::group::Post Execute",
        "info see ::group::x and ::endgroup:: in the docs",
        "info several",
        "lines",
        "info last",
    ]


def test_stack_trace_that_a_task_printed_is_whole(scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="success", start=0, end=1)
    frame = '  File "/x/site-packages/airflow/sdk/bases/operator.py", line 1, in run'
    write(scene, 1, event(frame, logger="task.stdout"))
    scene.end(3, "success")
    assert [line for _, line in read(scene)] == [f"info {frame}"]


def test_sources_of_a_log_may_change_without_a_line_lost(scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="running", start=1)
    heading, end = {"event": "::group::Log message source details"}, {"event": "::endgroup::"}
    write(scene, 1, heading, {"event": "pod"}, {"event": "file"}, end, event("one"))

    def move() -> None:
        scene.run.logs["first", -1, 1] = [heading, {"event": "file"}, end, event("one"), event("two")]

    scene.time.at(3, move)
    scene.set(3, "first", state="success", end=3)
    scene.end(6, "success")
    assert [line for _, line in read(scene)] == ["info one", "info two"]


def test_long_log_is_shown_to_a_limit_and_then_its_end(scene: RunScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_logs, "FOLLOWED_CHARS", 1000)
    scene.set(1, "first", try_number=1, state="running", start=1)
    for seconds in range(2, 22):
        write(scene, seconds, *(event(f"line {seconds}.{n}") for n in range(20)))
    scene.set(22, "first", state="failed", end=22)
    scene.end(25, "failed")
    lines = [line for _, line in read(scene)]
    note = lines.index("[the log has more than 1,000 characters: its end follows when the try is over]")
    shown, (left_out, *end) = lines[:note], lines[note + 1 :]
    assert shown == [f"info line 2.{n}" for n in range(20)] + [f"info line 3.{n}" for n in range(len(shown) - 20)]
    assert end == [f"info line {seconds}.{n}" for seconds in (20, 21) for n in range(20)]
    assert left_out == f"[{400 - len(shown) - 40:,} lines are left out here]"
    assert sum("/logs/" in path for path in scene.airflow.paths()) <= 5  # a long log is not read at each look


def test_secret_of_several_lines_is_masked_line_by_line(scene: RunScene) -> None:
    remember_variables({"NOTE": "first canary\nsecond"})
    scene.set(1, "first", try_number=1, state="running", start=1)
    key = ["-----BEGIN RSA PRIVATE KEY-----", "MIIEowIBAAKCAQEAhunt", "canaryhunt", "-----END RSA PRIVATE KEY-----"]
    write(scene, 1, *(event(line) for line in key[:2]))
    write(scene, 3, *(event(line) for line in key[2:]), event("then"), "first canary", "second")
    scene.set(4, "first", state="success", end=4)
    scene.end(9, "success")
    lines = [line for _, line in read(scene)]
    assert len(lines) == 7
    assert "info then" in lines
    assert not [line for line in lines if "hunt" in line or "canary" in line]


def test_task_without_a_log_is_no_error(scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="running", start=1)
    scene.end(3, "failed")
    assert read(scene) == []


def test_outage_costs_one_wait_and_no_line(scene: RunScene) -> None:
    run = scene.start()
    for index in range(5):
        scene.set(1, "first", index, try_number=1, state="success", start=0, end=1)
        write(scene, 1, event("done"), map_index=index)
    scene.end(9, "success")
    logs = TaskLogs(run)
    seen: list[str] = []

    def look(snapshot: RunSnapshot) -> None:
        if len(scene.snapshots) == 2:
            scene.airflow.is_down = True
            scene.time.at(scene.time.seconds + 60, lambda: setattr(scene.airflow, "is_down", False))
        started = scene.time.seconds
        seen.extend(who for who, _ in logs.news(snapshot))
        assert scene.time.seconds - started <= 30

    scene.follow(run, look=look)
    assert seen == [f"first[{index}]" for index in range(5)]
