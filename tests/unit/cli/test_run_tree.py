"""The tree of a run: what a person sees on 80 columns and 24 lines."""

import io

import pytest
from rich.console import Console

from harness.cli.run_tree import in_counts, run_tree
from harness.observe.snapshots import RunSnapshot, TaskSnapshot, TrySnapshot

RUN_ID = "manual-20261122T120000-1a2b"


def a_try(state: str | None = "success", number: int = 1, **others: object) -> TrySnapshot:
    given: dict[str, object] = {
        "queued_s": 1.5,
        "running_s": None if state == "queued" else 4.25,
        "pod": f"example-work-{number:08d}",
        "node": "harness-dev-control-plane",
        "phase": "Running" if state == "running" else "Succeeded",
        "reason": "",
        **others,
    }
    return TrySnapshot(number=number, state=state, **given)  # type: ignore[arg-type]


def a_task(task_id: str, *tries: TrySnapshot, map_index: int = -1, state: str | None = None) -> TaskSnapshot:
    label = task_id if map_index < 0 else f"{task_id}[{map_index}]"
    return TaskSnapshot(task_id, map_index, label, tries[-1].state if tries else state, tries)


def a_run(*tasks: TaskSnapshot, state: str = "running") -> RunSnapshot:
    return RunSnapshot("example", RUN_ID, state, 12.34, tasks)


def render(snapshot: RunSnapshot, *, height: int = 21, color: bool = False) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=80, height=24, force_terminal=True, color_system="standard" if color else None)
    console.print(run_tree(snapshot, height=height))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_run_tasks_and_pods_are_one_line_each() -> None:
    assert render(a_run(a_task("fetch", a_try()), a_task("count", a_try("running")), a_task("send"))) == [
        f"run {RUN_ID} of DAG example  running   12 s",
        "├── fetch  success      4.2 s  example-work-00000001",
        "├── count  running      4.2 s  example-work-00000001 on harness-dev-control-pla…",
        "└── send   waiting",
    ]


def test_tries_of_a_task_are_lines_below_it() -> None:
    failed = a_try("failed", phase="Failed", reason="OOMKilled")
    lines = render(a_run(a_task("fetch", failed, a_try("queued", 2, phase="Pending", node=""))))
    assert lines[1:] == [
        "└── fetch      queued",
        "    ├── try 1  failed       4.2 s  example-work-00000001 Failed OOMKilled",
        "    └── try 2  queued       1.5 s  example-work-00000002 Pending",
    ]


def test_few_mapped_tasks_are_lines_below_theirs() -> None:
    tasks = [a_task("value_of", a_try(state), map_index=index) for index, state in enumerate(["success", "running"])]
    lines = render(a_run(*tasks))
    assert lines[1] == "└── value_of  2 mapped: 1 running, 1 success"
    assert lines[2] == "    ├── [0]   success      4.2 s  example-work-00000001"
    assert lines[3].startswith("    └── [1]   running      4.2 s  example-work-00000001 on")


def test_200_mapped_tasks_are_one_line_and_the_failed_ones() -> None:
    states = ["success"] * 150 + ["failed"] * 1 + ["running"] * 9 + ["queued"] * 40
    tasks = [a_task("work", a_try(state), map_index=index) for index, state in enumerate(states)]
    lines = render(a_run(*tasks))
    assert lines[1] == "└── work       200 mapped: 1 failed, 9 running, 40 queued, 150 success"
    assert lines[2].startswith("    └── [150]  failed ")
    assert len(lines) == 3


def test_200_failed_mapped_tasks_do_not_flood_the_screen() -> None:
    tasks = [a_task("work", a_try("failed"), map_index=index) for index in range(200)]
    lines = render(a_run(*tasks))
    assert "200 mapped: 200 failed" in lines[1]
    assert len(lines) == 8


def test_100_tasks_are_those_that_go_on_and_a_sum_of_the_others() -> None:
    states: list[str | None] = ["success"] * 60 + ["failed", "running", "running"] + [None] * 37
    tasks = [a_task(f"task_{n:02}", *([a_try(state)] if state else [])) for n, state in enumerate(states)]
    lines = render(a_run(*tasks))
    assert [line[4:11] for line in lines[1:4]] == ["task_60", "task_61", "task_62"]
    assert lines[4] == "└── and 97 more tasks: 60 success, 37 waiting"
    assert len(lines) == 5


def test_failed_task_behind_many_queued_ones_is_shown() -> None:
    tasks = [a_task(f"task_{n:02}", a_try("queued" if n < 40 else "failed")) for n in range(41)]
    lines = render(a_run(*tasks))
    assert len(lines) == 21
    assert lines[-2].startswith("├── task_40  failed")
    assert lines[-1] == "└── and 22 more tasks: 22 queued"


@pytest.mark.parametrize("height", [3, 10, 21])
def test_never_more_lines_than_there_is_room_for(height: int) -> None:
    tasks = [a_task(f"task_{n}", a_try("failed"), a_try("running", 2)) for n in range(80)]
    lines = render(a_run(*tasks), height=height)
    assert len(lines) <= height
    assert "more tasks" in lines[-1]


def test_long_names_are_cut_and_fit_80_columns() -> None:
    long = "a_task_with_a_name_that_somebody_thought_about_for_a_long_time"
    tasks = [
        a_task(long, a_try("up_for_retry", pod="p" * 63, phase="Failed", reason="Evicted")),
        a_task(long + "2", a_try("running", pod="p" * 63), map_index=3),
    ]
    for line in render(a_run(*tasks)):
        assert len(line) <= 80


def test_states_have_colours() -> None:
    lines = render(a_run(a_task("fetch", a_try()), a_task("send", a_try("failed"))), color=True)
    assert "\x1b[32msuccess" in lines[1]
    assert "\x1b[1;31mfailed" in lines[2]


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (["success"], "1 task"),
        (["success", "success"], "2 tasks"),
        (["failed", "success", "failed", "success", "success"], "2 of 5 tasks failed"),
        (["failed", "upstream_failed", None], "1 of 3 tasks failed, 1 upstream_failed, 1 waiting"),
        (["skipped", "success"], "1 of 2 tasks skipped"),
    ],
)
def test_end_is_told_in_counts(states: list[str | None], words: str) -> None:
    assert in_counts(a_run(*(a_task(f"t{n}", state=state) for n, state in enumerate(states)))) == words
