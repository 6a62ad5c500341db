"""Verdicts: one word for a whole test."""

import pytest

from harness.observe.recorder import Mark
from harness.report.records import Case

from ..observe.samples import at
from .samples import case, session_of


@pytest.mark.parametrize(
    ("outcomes", "is_expected_to_fail", "verdict"),
    [
        ({"setup": "passed", "call": "passed", "teardown": "passed"}, False, "passed"),
        ({"setup": "passed", "call": "failed", "teardown": "failed"}, False, "failed"),
        ({"setup": "failed", "teardown": "passed"}, False, "error"),
        ({"setup": "passed", "call": "passed", "teardown": "failed"}, False, "error"),
        ({"setup": "skipped", "teardown": "passed"}, False, "skipped"),
        ({"setup": "passed", "call": "skipped", "teardown": "passed"}, True, "xfailed"),
        ({"setup": "passed", "call": "passed", "teardown": "passed"}, True, "xpassed"),
        ({"setup": "passed"}, False, "interrupted"),
        ({}, False, "interrupted"),
    ],
)
def test_verdict(outcomes: dict[str, str], is_expected_to_fail: bool, verdict: str) -> None:
    assert case(outcomes=outcomes, is_expected_to_fail=is_expected_to_fail).verdict == verdict


def test_test_that_never_began_did_not_run() -> None:
    assert Case("a::test_b").verdict == "not run"


def test_title_is_a_sentence() -> None:
    assert case("test_pod_is_deleted").title == "pod is deleted"
    assert case("test_dag_runs_green[hello::x_y]").title == "dag runs green [hello::x_y]"
    assert case().file == "tests/e2e/test_file.py"


def test_marks_belong_to_the_test_that_ran() -> None:
    marks = tuple(Mark(at(second), str(second)) for second in (-1, 0, 30, 31))
    session = session_of(case("test_a"), Case("a::test_not_run"), marks=marks)
    first, not_run = session.cases.values()
    assert [mark.text for mark in session.marks_of(first)] == ["0", "30"]
    assert session.marks_of(not_run) == []
    first.end = None
    assert [mark.text for mark in session.marks_of(first)] == ["0", "30", "31"]
