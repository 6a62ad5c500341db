"""The evidence of a failure is saved for every project, if it wants it."""

from collections.abc import Callable

import pytest

from .test_report import fake, session

pytest_plugins = "pytester"
__all__ = ["fake", "session"]

FAILS = "def test_it(request): request.getfixturevalue('run_example')(); assert 0, 'because'"


def test_failure_names_the_folder_of_its_evidence(
    session: Callable[..., pytest.RunResult],
    pytester: pytest.Pytester,
) -> None:
    result = session(FAILS)
    folder = pytester.path / "reports/evidence/test_inner.py_test_it"
    assert f"evidence: {folder}" in str(result.stdout)
    index = (folder / "index.txt").read_text()
    assert "nodes.yaml" in index
    assert "recorded/example/test-" in index, "the run that a fixture of the test started is told of"
    assert "../evidence/test_inner.py_test_it" in (pytester.path / "reports/e2e/report.html").read_text()


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (FAILS, ["--e2e-evidence="]),
        ("def test_it(airflow_env): pass", []),
        ("import pytest\ndef test_it(airflow_env): pytest.skip('not here')", []),
        ("def test_env(airflow_env): pass\ndef test_it(): assert 0", []),
    ],
    ids=["not wanted", "passed", "skipped", "without the environment"],
)
def test_no_evidence_where_none_is_needed(
    session: Callable[..., pytest.RunResult],
    pytester: pytest.Pytester,
    text: str,
    options: list[str],
) -> None:
    session(text, *options)
    assert not (pytester.path / "reports/evidence").exists()


def test_evidence_goes_where_it_is_wanted(
    session: Callable[..., pytest.RunResult],
    pytester: pytest.Pytester,
) -> None:
    session(FAILS, "--e2e-evidence=here")
    assert (pytester.path / "here/test_inner.py_test_it/index.txt").exists()


def test_evidence_that_cannot_be_saved_hides_no_failure(
    session: Callable[..., pytest.RunResult],
    pytester: pytest.Pytester,
) -> None:
    (pytester.path / "here").write_text("a file")
    result = session(FAILS, "--e2e-evidence=here")
    result.assert_outcomes(failed=1)
    assert "no evidence could be saved" in str(result.stdout)
    assert "because" in str(result.stdout)
