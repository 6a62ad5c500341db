"""All numbers of a session, as what JSON can hold: verdicts, tries and their moments, recovery, duplicates, leaks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import ceil
from typing import Any

from harness.observe.pods import TaskKey
from harness.observe.tries import FINISHED, GONE, RUNNING, TryTimeline, total_by_phase
from harness.report.records import VERDICTS, Case, RunRecord, Session

Json = dict[str, Any]


def numbers(session: Session) -> Json:
    """Return the whole session; times are ISO 8601 in UTC, durations are seconds."""
    return {
        "version": 1,
        "environment": {"name": session.name, **dict(session.facts)},
        "start": _iso(session.start),
        "end": _iso(session.end),
        "verdicts": verdicts(session),
        "totals": totals(session),
        "recovery_s": spread(recoveries(session)),
        "phases_s": {phase: spread(values) for phase, values in total_by_phase(session.timelines()).items()},
        "faults": faults(session),
        "gaps": [
            {"start": _iso(gap.start), "end": _iso(gap.end), "has_list": gap.has_list, "reason": gap.reason}
            for gap in session.gaps
        ],
        "tests": [_case(session, case) for case in session.cases.values()],
        "runs": [_run(run) for run in session.runs.values()],
    }


def verdicts(session: Session) -> dict[str, int]:
    """Return how many tests have each verdict that occurs, the worst first."""
    count = Counter(case.verdict for case in session.cases.values())
    return {verdict: count[verdict] for verdict in VERDICTS if count[verdict]}


def totals(session: Session) -> dict[str, int]:
    """Return the counts: a duplicate is a pod beyond one for each try, a leak a pod that was not over at the end."""
    runs = session.runs.values()
    tries = [ti for run in runs for ti in run.tries]
    return {
        "tests": len(session.cases),
        "runs": len(session.runs),
        "tries": len(tries),
        "retries": sum(ti.try_number > 1 for ti in tries),
        "pods": sum(len(run.pods) for run in runs),
        "marks": len(session.marks),
        "duplicates": _duplicates(runs),
        "leaks": _leaks(runs),
    }


def faults(session: Session) -> list[Json]:
    """Return what was done to the cluster and what came of it, one entry a mark: a mark is set after a fault acted.

    `recovery_s` is the longest that a retry in the test's runs took, None when nothing was retried.
    """
    entries = []
    for case in session.cases.values():
        runs = session.runs_of(case)
        recovery = max((seconds for run in runs for seconds in _recoveries(run.timelines())), default=None)
        entries += [
            {
                "text": mark.text,
                "when": _iso(mark.when),
                "test": case.nodeid,
                "title": case.title,
                "verdict": case.verdict,
                "recovery_s": recovery,
                "duplicates": _duplicates(runs),
                "leaks": _leaks(runs),
            }
            for mark in session.marks_of(case)
        ]
    return entries


def recoveries(session: Session) -> list[float]:
    """Return for each retry the seconds from the end of the pod before to its own start, retry delay included."""
    return [seconds for run in session.runs.values() for seconds in _recoveries(run.timelines())]


def spread(values: Sequence[float]) -> Json | None:
    """Return count, median, 95th percentile (nearest rank) and maximum, or None for nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return {
        "count": len(ordered),
        "p50": round(_rank(ordered, 0.5), 3),
        "p95": round(_rank(ordered, 0.95), 3),
        "max": round(ordered[-1], 3),
    }


def _rank(ordered: Sequence[float], share: float) -> float:
    return ordered[ceil(share * len(ordered)) - 1]


def _recoveries(timelines: Iterable[TryTimeline]) -> Iterable[float]:
    tries: dict[TaskKey, TryTimeline] = {timeline.key: timeline for timeline in timelines if timeline.ti}
    for key, again in tries.items():
        before = tries.get(TaskKey(key.task_id, key.map_index, key.try_number - 1))
        start = again.at(RUNNING)
        end = (before.at(FINISHED) or before.at(GONE)) if before else None
        if start and end:
            yield (start - end).total_seconds()


def _duplicates(runs: Iterable[RunRecord]) -> int:
    each = Counter((run.key, one.pod.key) for run in runs for one in run.pods)
    return sum(count - 1 for count in each.values())


def _leaks(runs: Iterable[RunRecord]) -> int:
    return sum(not one.pod.is_over for run in runs for one in run.pods)


def _case(session: Session, case: Case) -> Json:
    return {
        "test": case.nodeid,
        "verdict": case.verdict,
        "start": _iso(case.start),
        "end": _iso(case.end),
        "seconds": {phase: round(seconds, 3) for phase, seconds in case.seconds.items()},
        "reason": case.reason,
        "failures": [{"phase": failure.phase, "line": failure.line} for failure in case.failures],
        "evidence": case.evidence,
        "properties": {name: str(value) for name, value in case.properties},
        "marks": [mark.text for mark in session.marks_of(case)],
        "runs": [{"dag_id": key.dag_id, "run_id": key.run_id} for key in case.runs],
    }


def _run(run: RunRecord) -> Json:
    return {
        "dag_id": run.key.dag_id,
        "run_id": run.key.run_id,
        "state": run.state,
        "problem": run.problem,
        "tries": [_try(timeline) for timeline in run.timelines()],
    }


def _try(timeline: TryTimeline) -> Json:
    ti, pod = timeline.ti, timeline.pod
    exits = [one for one in pod.containers if one.exit_code is not None] if pod else []
    return {
        "task_id": timeline.key.task_id,
        "map_index": timeline.key.map_index,
        "try_number": timeline.key.try_number,
        "state": ti.state if ti else None,
        "pod": pod.name if pod else None,
        "uid": pod.uid if pod else None,
        "node": pod.node if pod else None,
        "phase": pod.phase if pod else None,
        "exit_code": exits[-1].exit_code if exits else None,
        "exit_reason": exits[-1].reason if exits else None,
        "moments": {name: _iso(when) for name, when in timeline.moments},
        "phases_s": {span.phase: round(span.seconds, 3) for span in timeline.spans()},
    }


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when else None
