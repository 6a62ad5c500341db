"""The page: verdicts first, everything in it, nothing secret, nothing from the network."""

import re
from html.parser import HTMLParser

import pytest

from harness.faults.injection import Injection
from harness.observe.recorder import Mark
from harness.redact import remember_secrets
from harness.report.page import is_red, make_headline, render
from harness.report.records import Case, Failure, Image, Session

from ..observe.samples import at
from .samples import case, failed_case, run_of, session_of

TOKEN = "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ0YXNrIn0.c2lnbmF0dXJl"  # noqa: S105 - of nothing
VOID = {"meta", "link", "img", "br"}


class Balance(HTMLParser):
    """Checks that what opens closes, and keeps the texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert attrs is not None
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take `<rect/>`."""

    def handle_data(self, data: str) -> None:
        self.text += data


def not_run() -> Case:
    return Case("tests/e2e/test_file.py::test_never")


@pytest.mark.parametrize(
    ("cases", "sentence", "red"),
    [
        ([], "No test ran", True),
        ([case()], "1 test passed", False),
        ([case("a"), case("b")], "All 2 tests passed", False),
        ([case("a"), case("b", outcomes={"setup": "skipped"})], "1 test passed, 1 skipped", False),
        ([case("a"), failed_case("b")], "1 failed of 2 tests", True),
        ([failed_case("a"), case("b", outcomes={"setup": "failed"})], "1 failed, 1 error of 2 tests", True),
        ([case(name, outcomes={"setup": "failed"}) for name in "ab"], "2 errors of 2 tests", True),
        ([case("a", outcomes={}), not_run()], "1 interrupted of 2 tests", True),
        ([case("a"), not_run()], "1 of 2 tests did not run", True),
    ],
)
def test_headline_is_the_verdict(cases: list[Case], sentence: str, red: bool) -> None:
    session = session_of(*cases)
    assert make_headline(session) == sentence
    assert is_red(session) is red
    page = render(session)
    assert f"<h1>{sentence}</h1>" in page
    Balance(page)


def test_everything_of_a_failed_test_is_in_the_page() -> None:
    bad = failed_case(
        text="E   assert <b>1</b>",
        sections=[("Captured log call", "a line")],
        properties=[("bytes", 7)],
        evidence=["../evidence/x"],
        images=[Image("the UI", b"png")],
        problems=["The report is not whole: x"],
        injections=[Injection("the scheduler dies", at(5), "its UID is gone"), Injection("it hangs", at(6))],
    )
    session = session_of(bad, runs=(run_of("a", retry=True),), marks=(Mark(at(5), "killed the scheduler"),))
    page = render(session)
    text = " ".join(Balance(page).text.split())
    for wanted in (
        "assert <b>1</b>",
        "a line",
        "bytes",
        "../evidence/x",
        "the UI",
        "The report is not whole: x",
        "killed the scheduler",
        "the scheduler dies: its UID is gone",
        "it hangs: nothing proves that it acted",
        "work[0] try 2",
        "pod-work-0-1",
        "Normal Pulled pod/pod-work-0-1: image",
        "12:00:02.512 error",
        "Task failed | E",
    ):
        assert wanted in text, wanted
    assert 'src="data:image/png;base64,cG5n"' in page
    assert re.search(r'<details class="case failed"[^>]* open>', page)


def test_tests_that_failed_alike_are_one_line_few_unfolded() -> None:
    page = render(session_of(*[failed_case(f"test_{number}") for number in range(9)]))
    assert Balance(page).text.count("and 6 more") == 1
    assert len(re.findall(r'<details class="case failed"[^>]* open>', page)) == 5


def test_tests_that_passed_are_folded() -> None:
    assert not re.search(r'<details class="case passed"[^>]* open>', render(session_of(case("a"), case("b"))))


def test_forty_tests_and_200_pods_are_one_page_of_fair_size() -> None:
    cases = [case(f"test_{number}", start=number) for number in range(40)]
    page = render(session_of(*cases, runs=(run_of("mapped", pods=200),)))
    assert page.count('<details class="case passed"') == 40
    assert page.count("<rect") > 200 * 7
    assert len(page) < 2_000_000
    Balance(page)


def test_page_needs_no_network() -> None:
    page = render(session_of(failed_case(images=[Image("x", b"png")]), runs=(run_of("a"),)))
    assert "default-src 'none'" in page
    assert not re.search(r"""(src|href)=["'](?!data:|#|report\.json)""", page)
    assert "url(#hatch)" in page
    assert not re.search(r"@import|https?://", page)


def test_secrets_are_masked_wherever_they_are() -> None:
    remember_secrets(["the-password"])
    run = run_of("a")
    run.problem = f"token {TOKEN}"
    bad = failed_case(
        text=f"{TOKEN} and the-password",
        reason="password=x1y2z3",
        sections=[("the-password", "the-password")],
        properties=[("a", "the-password")],
    )
    bad.failures.append(Failure("teardown", "the-password", ""))
    session = session_of(bad, runs=(run,), marks=(Mark(at(1), "the-password"),))
    session.problems = [f"Bearer {TOKEN}"]
    page = render(session)
    for secret in ("the-password", TOKEN, "x1y2z3"):
        assert secret not in page
    Balance(page)


def test_environment_that_was_not_made_is_said_first() -> None:
    session = Session(at(0), at(1), problems=["The environment could not be made. no room"])
    session.cases = {"a": case(outcomes={"setup": "failed"}, failures=[Failure("setup", "no room", "E  no room")])}
    text = Balance(render(session)).text
    assert text.index("1 error of 1 test") < text.index("The environment could not be made. no room")
    assert "environment dev" not in text
    assert "DAG runs" not in text
