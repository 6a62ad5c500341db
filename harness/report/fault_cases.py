"""What was done to the cluster and what came of it: injected, acted, survived, recovered, duplicates, leaks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.observe.duplicates import find_duplicates
from harness.observe.tries import FINISHED, GONE, RUNNING, TryTimeline
from harness.report.records import Case, RunRecord, Session
from harness.report.spread import compute_spread
from harness.tools import Json
from harness.tools.airflow_records import TaskKey


def list_fault_cases(session: Session) -> list[Json]:
    """Return one entry for each test that injected faults.

    It survived if it passed, and it counts as acted if each of its faults is proven. `recovery_s` is what the test
    noted itself, else the longest that a retry in its runs took; None when nothing was retried.
    """
    return [_case(session, case) for case in session.cases.values() if case.injections]


def sum_fault_cases(cases: Sequence[Mapping[str, Any]]) -> Json:
    """Return the sums over the entries of `fault_cases`, and the spread of their recovery."""
    recovery = [case["recovery_s"] for case in cases if case["recovery_s"] is not None]
    return {
        "injected": len(cases),
        "acted": sum(case["acted"] for case in cases),
        "survived": sum(case["survived"] for case in cases),
        "expected_failures": sum(case["verdict"] == "xfailed" for case in cases),
        "recovery_s": compute_spread(recovery),
        "duplicates": sum(case["duplicates"] for case in cases),
        "leaks": sum(case["leaks"] for case in cases),
    }


def _case(session: Session, case: Case) -> Json:
    runs = session.runs_of(case)
    noted = [one.recovery_s for one in case.injections if one.recovery_s is not None]
    retried = [seconds for run in runs for seconds in measure_retries(run.timelines())]
    recovery = max(noted or retried, default=None)
    return {
        "test": case.nodeid,
        "title": case.title,
        "verdict": case.verdict,
        "faults": [
            {"fault": one.fault, "injected": one.injected.isoformat(), "proof": one.proof} for one in case.injections
        ],
        "acted": all(one.proof for one in case.injections),
        "survived": case.verdict == "passed",
        "recovery_s": None if recovery is None else round(recovery, 3),
        "duplicates": count_duplicates(runs),
        "leaks": count_leaks(runs),
    }


def list_recoveries(session: Session) -> list[float]:
    """Return for each retry the seconds from the end of the pod before to its own start, retry delay included."""
    return [seconds for run in session.runs.values() for seconds in measure_retries(run.timelines())]


def count_duplicates(runs: Iterable[RunRecord]) -> int:
    """Return how many pods began a try that another pod was still at work on."""
    return sum(len(find_duplicates(one.pod for one in run.pods)) for run in runs)


def count_leaks(runs: Iterable[RunRecord]) -> int:
    """Return how many pods were not over when the recording ended."""
    return sum(not one.pod.is_over for run in runs for one in run.pods)


def measure_retries(timelines: Iterable[TryTimeline]) -> Iterable[float]:
    """Yield for each retry the seconds from the end of the pod before to its own start."""
    tries: dict[TaskKey, TryTimeline] = {timeline.key: timeline for timeline in timelines if timeline.ti}
    for key, again in tries.items():
        before = tries.get(TaskKey(key.task_id, key.map_index, key.try_number - 1))
        start = again.at(RUNNING)
        end = (before.at(FINISHED) or before.at(GONE)) if before else None
        if start and end:
            yield (start - end).total_seconds()
