"""What tests say of two things becomes one table, in the page and in the summary."""

from harness.report.comparison import Comparison, compare
from harness.report.page import render
from harness.report.summary import summarize

from .samples import case, session_of

BOTH = case("test_a", properties=[("with the one", "it <ends>"), ("seconds", 3), ("with the other", "it stays")])
HALF = case("test_b", properties=[("with the other", "a | b")])
NEITHER = case("test_c", properties=[("seconds", 3)])


def test_each_thing_is_a_column_and_what_is_not_said_is_empty() -> None:
    assert compare([BOTH, HALF, NEITHER]) == Comparison(
        ("one", "other"), ((BOTH, ("it <ends>", "it stays")), (HALF, ("", "a | b")))
    )
    assert compare([NEITHER]) is None


def test_page_and_summary_have_the_table() -> None:
    page, summary = render(session_of(BOTH, HALF)), summarize(session_of(BOTH, HALF))
    assert "<th>one</th><th>other</th>" in page
    assert "<td>it &lt;ends&gt;</td><td>it stays</td>" in page
    assert "| test | one | other |\n| --- | --- | --- |\n| a | it <ends> | it stays |\n| b |  | a \\| b |" in summary


def test_session_that_compares_nothing_has_no_table() -> None:
    assert "Compared" not in render(session_of(NEITHER))
