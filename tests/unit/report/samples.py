"""Sessions to report on, of any size; seconds from noon make the times."""

from typing import Any

from harness.observe.events import ClusterEvent
from harness.observe.pod_logs import PodLog
from harness.observe.pods import Condition, ContainerStatus, PhaseChange
from harness.observe.recorder import Mark
from harness.report.records import Case, Failure, PodRecord, RunKey, RunRecord, Session

from ..observe.samples import at, one_try, pod

# A log line as a worker writes it.
LINE = (
    '{"timestamp":"2026-11-22T12:00:02.512345Z","level":"error","event":"Task failed",'
    '"error_detail":[{"exc_type":"E"}]}'
)


def run_of(dag_id: str, *, pods: int = 1, start: float = 0.0, retry: bool = False) -> RunRecord:
    """Return a run of so many mapped tries, each a second after the one before; with `retry` the first fails once."""
    run = RunRecord(RunKey(dag_id, f"test-{dag_id}"), "success")
    for index in range(pods):
        _add(run, index, start + index, has_failed=retry and index == 0)
    if retry:
        _add(run, 0, start + 20, try_number=2)
    return run


def _add(run: RunRecord, index: int, begin: float, *, try_number: int = 1, has_failed: bool = False) -> None:
    made = pod(
        "work",
        try_number,
        index,
        created=begin,
        ended=begin + 9,
        phases=(
            PhaseChange("Pending", at(begin + 0.2)),
            PhaseChange("Running", at(begin + 2)),
            PhaseChange("Succeeded", at(begin + 9.4)),
        ),
        conditions=(Condition("PodScheduled", at(begin), at(begin + 0.3)),),
        containers=(ContainerStatus("base", "terminated", "Completed", 9, at(begin + 1), at(begin + 9)),),
        deleted=at(begin + 10),
        node="node-1",
    )
    end = begin + 13 if has_failed else begin + 8.5
    state = "up_for_retry" if has_failed else "success"
    run.tries.append(
        one_try(
            "work",
            try_number,
            index,
            scheduled=at(begin - 0.5),
            queued=at(begin - 0.3),
            start=at(begin + 4.5),
            end=at(end),
            state=state,
        )
    )
    about: dict[str, Any] = {"about_kind": "Pod", "about_name": made.name, "about_uid": made.uid}
    event = ClusterEvent("e", **about, type="Normal", reason="Pulled", message="image", last=at(begin), seen=at(begin))
    run.pods.append(PodRecord(made, [event], PodLog(LINE, at(begin + 9), at(begin + 4))))


def case(name: str = "test_it", start: float = 0.0, **others: Any) -> Case:
    """Return a test that passed in half a minute."""
    given: dict[str, Any] = {
        "outcomes": {"setup": "passed", "call": "passed", "teardown": "passed"},
        "seconds": {"setup": 0.5, "call": 29.0, "teardown": 0.5},
        **others,
    }
    return Case(f"tests/e2e/test_file.py::{name}", at(start), at(start + 30), **given)


def failed_case(name: str = "test_bad", text: str = "E   assert 1 == 2", **others: Any) -> Case:
    """Return a test that failed."""
    outcomes = {"setup": "passed", "call": "failed", "teardown": "passed"}
    return case(name, outcomes=outcomes, failures=[Failure("call", "assert 1 == 2", text)], **others)


def session_of(*cases: Case, runs: tuple[RunRecord, ...] = (), marks: tuple[Mark, ...] = ()) -> Session:
    """Return a session of five minutes with these tests, the first of which looked at all the runs."""
    session = Session(at(0), at(300), "dev", [("Kubernetes", "v1.37.2")])
    session.cases = {one.nodeid: one for one in cases}
    session.runs = {run.key: run for run in runs}
    session.marks = list(marks)
    if cases:
        cases[0].runs = list(session.runs)
    return session
