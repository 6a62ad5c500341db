"""All numbers of a session, as what JSON can hold: verdicts, tries and their moments, recovery, duplicates, leaks."""

from collections import Counter
from datetime import datetime

from harness.observe.tries import TryTimeline, total_by_phase
from harness.report.blame import find_blame
from harness.report.fault_cases import (
    count_duplicates,
    count_leaks,
    list_fault_cases,
    list_recoveries,
    sum_fault_cases,
)
from harness.report.records import VERDICTS, Case, RunRecord, Session
from harness.report.spread import compute_spread
from harness.tools import Json


def collect_numbers(session: Session) -> Json:
    """Return the whole session; times are ISO 8601 in UTC, durations are seconds."""
    faulty = list_fault_cases(session)
    return {
        "version": 1,
        "environment": {"name": session.name, **dict(session.facts)},
        "start": _iso(session.start),
        "end": _iso(session.end),
        "verdicts": count_verdicts(session),
        "totals": count_totals(session),
        "recovery_s": compute_spread(list_recoveries(session)),
        "phases_s": {phase: compute_spread(values) for phase, values in total_by_phase(session.timelines()).items()},
        "faults": {**sum_fault_cases(faulty), "cases": faulty},
        "gaps": [
            {"start": _iso(gap.start), "end": _iso(gap.end), "has_list": gap.has_list, "reason": gap.reason}
            for gap in session.gaps
        ],
        "outages": [
            {"start": _iso(outage.start), "end": _iso(outage.end), "reason": outage.reason}
            for outage in session.outages
        ],
        "tests": [_case(session, case) for case in session.cases.values()],
        "runs": [_run(run) for run in session.runs.values()],
    }


def count_verdicts(session: Session) -> dict[str, int]:
    """Return how many tests have each verdict that occurs, the worst first."""
    count = Counter(case.verdict for case in session.cases.values())
    return {verdict: count[verdict] for verdict in VERDICTS if count[verdict]}


def count_totals(session: Session) -> dict[str, int]:
    """Return the counts: duplicates as `find_duplicates` has them; a leak is a pod that was not over at the end."""
    runs = session.runs.values()
    tries = [ti for run in runs for ti in run.tries]
    return {
        "tests": len(session.cases),
        "runs": len(session.runs),
        "tries": len(tries),
        "retries": sum(ti.try_number > 1 for ti in tries),
        "pods": sum(len(run.pods) for run in runs),
        "faults": sum(len(case.injections) for case in session.cases.values()),
        "duplicates": count_duplicates(runs),
        "leaks": count_leaks(runs),
    }


def _case(session: Session, case: Case) -> Json:
    blamed = find_blame(case, session)
    return {
        "test": case.nodeid,
        "verdict": case.verdict,
        "blame": {"party": blamed.party, "reason": blamed.reason} if blamed else None,
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
        "is_earlier_pod": timeline.is_earlier,
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
