"""The report for people: one HTML file that needs no network, with everything in it redacted."""

from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.observe.tries import PHASES, TryTimeline, total_by_phase
from harness.redact import redact
from harness.report import gantt
from harness.report.blame import find_blame
from harness.report.comparison import compare
from harness.report.fault_cases import list_fault_cases, list_recoveries, sum_fault_cases
from harness.report.numbers import count_totals, count_verdicts
from harness.report.records import RED, Case, PodRecord, RunRecord, Session
from harness.report.spread import compute_spread
from harness.report.texts import count_things, format_log, pluralize

# A worker writes a dozen lines; of a test that passed nobody wants more.
LOG_LINES = {True: 200, False: 15}
MOST_UNFOLDED = 5


def render(session: Session) -> str:
    """Return the report as HTML."""
    # `finalize` sees each value on its way into the page, so that no template can forget to redact.
    templates = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "seconds": gantt.format_seconds,
        "slug": gantt.make_slug,
        "clock": _clock,
        "base64": lambda data: Markup(b64encode(data).decode()),  # noqa: S704 - letters, and nothing to redact
    }
    cases = list(session.cases.values())
    red = [case for case in cases if case.verdict in RED]
    faulty = list_fault_cases(session)
    return templates.get_template("report.html.j2").render(
        session=session,
        verdicts=count_verdicts(session),
        headline=make_headline(session),
        is_red=is_red(session),
        seconds=(session.end - session.start).total_seconds() if session.end else 0.0,
        totals=count_totals(session),
        recovery=compute_spread(list_recoveries(session)),
        faults=sum_fault_cases(faulty),
        fault_cases=faulty,
        phases=_phases(session.timelines()),
        all_phases=PHASES,
        files=_by_file(cases),
        red=_by_failure(red),
        blame_of=lambda case: find_blame(case, session),
        comparison=compare(cases),
        unfolded=[case.nodeid for case in (cases if len(cases) == 1 else red[:MOST_UNFOLDED])],
        longest_s=max([sum(case.seconds.values()) for case in cases], default=0) or 1.0,
        chart_of=lambda case: gantt.draw_gantt(session.runs_of(case), session.marks_of(case)),
        phases_of=lambda case: _phases(line for run in session.runs_of(case) for line in run.timelines()),
        log_of=lambda record, case: _log(record, is_red=case.verdict in RED),
        record_of=_record_of,
        outcome_of=gantt.outcome_of,
        plural=pluralize,
        count=count_things,
    )


def make_headline(session: Session) -> str:
    """Return the session's outcome in a sentence."""
    count = count_verdicts(session)
    total = sum(count.values())
    if not total:
        return "No test ran"
    red = [
        count_things(number, verdict) if verdict == "error" else f"{number} {verdict}"
        for verdict, number in count.items()
        if verdict in RED
    ]
    if red:
        return f"{', '.join(red)} of {total} {pluralize('test', total)}"
    if count.get("not run"):
        return f"{count['not run']} of {total} {pluralize('test', total)} did not run"
    others = [f"{number} {verdict}" for verdict, number in count.items() if verdict != "passed"]
    passed = f"{count.get('passed', 0)} {pluralize('test', count.get('passed', 0))} passed"
    return ", ".join([f"All {passed}" if not others and total > 1 else passed, *others])


def is_red(session: Session) -> bool:
    """Return whether anything is wrong: a red test, or one that did not run."""
    count = count_verdicts(session)
    return any(verdict in RED or verdict == "not run" for verdict in count) or not count


def _phases(timelines: Iterable[TryTimeline]) -> list[dict[str, Any]]:
    """Return for each phase its spread and its share of all the time."""
    totals_s = total_by_phase(timelines)
    everything = sum(map(sum, totals_s.values())) or 1.0
    return [
        {"name": phase, "share": 100 * sum(totals_s[phase]) / everything, **(compute_spread(totals_s[phase]) or {})}
        for phase in PHASES
        if phase in totals_s
    ]


def _by_file(cases: Iterable[Case]) -> dict[str, list[Case]]:
    files: dict[str, list[Case]] = {}
    for case in cases:
        files.setdefault(case.file, []).append(case)
    return files


def _by_failure(red: Iterable[Case]) -> dict[tuple[str, str], list[Case]]:
    """Group the tests that failed alike: an environment that is not there fails all of them."""
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in red:
        groups.setdefault((case.verdict, case.failures[0].line if case.failures else ""), []).append(case)
    return groups


def _record_of(run: RunRecord, timeline: TryTimeline) -> PodRecord | None:
    uid = timeline.pod.uid if timeline.pod else ""
    return next((record for record in run.pods if record.pod.uid == uid), None)


def _log(record: PodRecord, *, is_red: bool) -> str:
    return format_log(record.log.text, most_lines=LOG_LINES[is_red]) if record.log else ""


def _clock(when: datetime | None) -> str:
    return when.strftime("%H:%M:%S") if when else ""


def _finalize(value: Any) -> Any:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return redact(value)
