"""The report for a CI page: Markdown, short, everything in it redacted."""

from harness.redact import redact
from harness.report.chart import seconds_text
from harness.report.numbers import faults, recoveries, spread, totals
from harness.report.page import headline
from harness.report.records import RED, Case, Session
from harness.report.texts import counted

MOST_FAILURES = 20


def summarize(session: Session) -> str:
    """Return the session's outcome, its numbers, its failures and a table of its tests."""
    cases = list(session.cases.values())
    parts = [f"## {headline(session)}", *(f"> {_cell(problem)}" for problem in session.problems), _numbers(session)]
    red = [case for case in cases if case.verdict in RED]
    if red:
        parts.append("\n".join(f"- **{_cell(case.title)}**: `{_reason(case)}`" for case in red[:MOST_FAILURES]))
    if len(red) > MOST_FAILURES:
        parts.append(f"and {len(red) - MOST_FAILURES} more")
    done = faults(session)
    if done:
        lines = [
            f"| {_cell(one['text'])} | {_cell(one['title'])} | {one['verdict']} | {_retry(one['recovery_s'])} |"
            for one in done
        ]
        parts.append("\n".join(["| fault | test | verdict | longest retry |", "| --- | --- | --- | ---: |", *lines]))
    if cases:
        rows = [_row(session, case) for case in cases]
        head = ["| test | verdict | time | pods | retries | faults |", "| --- | --- | ---: | ---: | ---: | ---: |"]
        parts.append("\n".join([*head, *rows]))
    return redact("\n\n".join(filter(None, parts))) + "\n"


def _numbers(session: Session) -> str:
    count = totals(session)
    if not count["runs"]:
        return ""
    recovery = spread(recoveries(session))
    retry = f", {seconds_text(recovery['p50'])} to a retry (p95 {seconds_text(recovery['p95'])})" if recovery else ""
    seen = [
        counted(count["runs"], "DAG run"),
        f"{counted(count['tries'], 'try')} ({counted(count['retries'], 'retry')})",
        counted(count["pods"], "pod"),
        counted(count["marks"], "marked fault"),
    ]
    wrong = f"{counted(count['duplicates'], 'duplicate pod')}, {count['leaks']} left over"
    return f"{', '.join(seen)}{retry}; {wrong}"


def _row(session: Session, case: Case) -> str:
    runs = session.runs_of(case)
    cells = [
        _cell(case.title),
        f"**{case.verdict}**" if case.verdict in RED else case.verdict,
        seconds_text(sum(case.seconds.values())),
        sum(len(run.pods) for run in runs),
        sum(ti.try_number > 1 for run in runs for ti in run.tries),
        len(session.marks_of(case)),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def _retry(seconds: float | None) -> str:
    return "none" if seconds is None else seconds_text(seconds)


def _reason(case: Case) -> str:
    line = case.failures[0].line if case.failures else case.verdict
    return _cell(line).replace("`", "'")[:200]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
