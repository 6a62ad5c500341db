"""The Markdown for CI pages."""

from harness.faults.injection import Injection
from harness.redact import remember_secrets
from harness.report.records import Failure
from harness.report.summary import summarize

from ..observe.samples import at
from .samples import case, failed_case, run_of, session_of


def test_verdict_numbers_failures_table() -> None:
    session = session_of(
        failed_case("test_bad|name", injections=[Injection("x", at(5), "y")]),
        case("test_good"),
        runs=(run_of("a", retry=True),),
    )
    session.problems = ["line one\nline two"]
    assert summarize(session) == (
        "## 1 failed of 2 tests\n\n"
        "> line one line two\n\n"
        "1 DAG run, 2 tries (1 retry), 2 pods, 1 fault, 16 s to a retry (p95 16 s); "
        "0 duplicate pods, 0 left over\n\n"
        "- **bad\\|name**: `assert 1 == 2` (product: nothing points to the host, the cluster or Airflow)\n\n"
        "| injected | acted | survived | expected failures | recovery p50 | p95 | duplicates | leaks |\n"
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| 1 | 1 | 0 | 0 | 16 s | 16 s | 0 | 0 |\n\n"
        "| test | what was done | acted | verdict | recovery | duplicates | leaks |\n"
        "| --- | --- | --- | --- | ---: | ---: | ---: |\n"
        "| bad\\|name | x | yes | failed | 16 s | 0 | 0 |\n\n"
        "| test | verdict | time | pods | retries | faults |\n"
        "| --- | --- | ---: | ---: | ---: | ---: |\n"
        "| bad\\|name | **failed** | 30 s | 2 | 1 | 1 |\n"
        "| good | passed | 30 s | 0 | 0 | 0 |\n"
    )


def test_session_without_a_test_is_a_headline() -> None:
    assert summarize(session_of()) == "## No test ran\n"


def test_many_failures_are_cut_and_secrets_masked() -> None:
    remember_secrets(["the-password"])
    cases = [failed_case(f"test_{number}") for number in range(22)]
    cases[0].failures = [Failure("call", "`the-password`", "")]
    text = summarize(session_of(*cases))
    assert "and 2 more" in text
    assert "- **0**: `'***'`" in text
