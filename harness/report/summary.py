"""The report for a CI page: Markdown, short, everything in it redacted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.redact import redact
from harness.report.blame import find_blame
from harness.report.comparison import compare
from harness.report.fault_cases import list_fault_cases, list_recoveries, sum_fault_cases
from harness.report.gantt import format_seconds
from harness.report.numbers import count_totals
from harness.report.page import make_headline
from harness.report.records import RED, Case, Session
from harness.report.spread import compute_spread
from harness.report.texts import count_things

MOST_FAILURES = 20


def summarize(session: Session) -> str:
    """Return the session's outcome, its numbers, its failures and a table of its tests."""
    cases = list(session.cases.values())
    parts = [
        f"## {make_headline(session)}",
        *(f"> {_cell(problem)}" for problem in session.problems),
        _numbers(session),
    ]
    red = [case for case in cases if case.verdict in RED]
    if red:
        parts.append(
            "\n".join(
                f"- **{_cell(case.title)}**: `{_reason(case)}`{_blame(case, session)}" for case in red[:MOST_FAILURES]
            )
        )
    if len(red) > MOST_FAILURES:
        parts.append(f"and {len(red) - MOST_FAILURES} more")
    if faulty := list_fault_cases(session):
        parts += _faults(faulty)
    if compared := compare(cases):
        rows = [[_cell(case.title), *map(_cell, said)] for case, said in compared.rows]
        parts.append(_table(["test", *compared.columns], rows, texts=1 + len(compared.columns)))
    if cases:
        head = ["test", "verdict", "time", "pods", "retries", "faults"]
        parts.append(_table(head, [_row(session, case) for case in cases], texts=2))
    return redact("\n\n".join(filter(None, parts))) + "\n"


def _numbers(session: Session) -> str:
    count = count_totals(session)
    if not count["runs"]:
        return ""
    recovery = compute_spread(list_recoveries(session))
    retry = (
        f", {format_seconds(recovery['p50'])} to a retry (p95 {format_seconds(recovery['p95'])})" if recovery else ""
    )
    seen = [
        count_things(count["runs"], "DAG run"),
        f"{count_things(count['tries'], 'try')} ({count_things(count['retries'], 'retry')})",
        count_things(count["pods"], "pod"),
        count_things(count["faults"], "fault"),
    ]
    wrong = f"{count_things(count['duplicates'], 'duplicate pod')}, {count['leaks']} left over"
    return f"{', '.join(seen)}{retry}; {wrong}"


def _faults(faulty: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table of sums, and that of the tests that injected faults."""
    count = sum_fault_cases(faulty)
    recovery = count["recovery_s"] or {"p50": None, "p95": None}
    sums = [count[name] for name in ("injected", "acted", "survived", "expected_failures")]
    spread_cells = [_retry(recovery[rank]) for rank in ("p50", "p95")]
    return [
        _table(
            ["injected", "acted", "survived", "expected failures", "recovery p50", "p95", "duplicates", "leaks"],
            [[*sums, *spread_cells, count["duplicates"], count["leaks"]]],
            texts=0,
        ),
        _table(
            ["test", "what was done", "acted", "verdict", "recovery", "duplicates", "leaks"],
            [
                [
                    _cell(case["title"]),
                    _cell("; ".join(one["fault"] for one in case["faults"])),
                    _yes(case["acted"]),
                    case["verdict"],
                    _retry(case["recovery_s"]),
                    case["duplicates"],
                    case["leaks"],
                ]
                for case in faulty
            ],
            texts=4,
        ),
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], *, texts: int) -> str:
    """Return a table whose first columns are texts and whose others are numbers."""
    rule = ["---"] * texts + ["---:"] * (len(head) - texts)
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, rule, *rows))


def _yes(is_so: object) -> str:
    return "yes" if is_so else "**no**"


def _row(session: Session, case: Case) -> list[object]:
    runs = session.runs_of(case)
    return [
        _cell(case.title),
        f"**{case.verdict}**" if case.verdict in RED else case.verdict,
        format_seconds(sum(case.seconds.values())),
        sum(len(run.pods) for run in runs),
        sum(ti.try_number > 1 for run in runs for ti in run.tries),
        len(case.injections),
    ]


def _retry(seconds: float | None) -> str:
    return "none" if seconds is None else format_seconds(seconds)


def _reason(case: Case) -> str:
    line = case.failures[0].line if case.failures else case.verdict
    return _cell(line).replace("`", "'")[:200]


def _blame(case: Case, session: Session) -> str:
    blamed = find_blame(case, session)
    return f" ({blamed.party}: {_cell(blamed.reason)})" if blamed else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
