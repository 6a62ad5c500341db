"""Tests that do the same to two things and say what each did: one table, a column for each thing."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.report.records import Case

PREFIX = "with the "


@dataclass(frozen=True)
class Comparison:
    """What was compared, and for each test what became of each, empty where it does not say."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Case, tuple[str, ...]], ...]


def compare(cases: Iterable[Case]) -> Comparison | None:
    """Return what the tests recorded as properties `with the <thing>`, or None when none did."""
    found = [(case, said) for case in cases if (said := _said(case))]
    columns = tuple(dict.fromkeys(thing for _, said in found for thing in said))
    rows = tuple((case, tuple(said.get(thing, "") for thing in columns)) for case, said in found)
    return Comparison(columns, rows) if rows else None


def _said(case: Case) -> dict[str, str]:
    return {name.removeprefix(PREFIX): str(value) for name, value in case.properties if name.startswith(PREFIX)}
