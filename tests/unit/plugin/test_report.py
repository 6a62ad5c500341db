"""The report plugin: inner sessions on a faked environment, each ending in its own way."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import httpx2 as httpx
import pytest

from harness.errors import HarnessError
from harness.observe.recorder import PodRecorder
from harness.observe.runs import Runs
from harness.plugin.environment import AirflowEnv

from ..fakes.airflow import FakeAirflow, task_instance
from ..fakes.kubernetes import FakeApiServer, worker_pod

pytest_plugins = "pytester"

# What is in a conftest goes before what a plugin has.
CONFTEST = """
import pytest

@pytest.fixture
def airflow_env(fake_env):
    return fake_env
"""
DAG = "/api/v2/dags/example"


class FakeEnvironmentPlugin:
    """Gives an inner session the fixtures of an environment whose servers are fakes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = FakeApiServer()
        node = {"metadata": {"name": "n"}, "status": {"nodeInfo": {"kubeletVersion": "v1.37.2"}}}
        self.server.put("nodes", node)
        self.airflow = FakeAirflow()
        self.airflow.answers |= {
            "/api/v2/version": {"version": "3.3.2"},
            DAG: {},
            f"{DAG}/dagRuns": {"dag_id": "example", "dag_run_id": "ignored", "state": "queued"},
        }
        self.kubernetes = self.server.client(monkeypatch)
        self.problem = ""
        self.end: Callable[[], None] = lambda: None

    @pytest.fixture
    def fake_env(self) -> AirflowEnv:
        if self.problem:
            raise HarnessError(self.problem, next_step="make room")
        environment: Any = SimpleNamespace(settings=SimpleNamespace(name="fake", namespace="tools"))
        return AirflowEnv(environment, self.kubernetes, self.airflow.client())

    @pytest.fixture
    def watch(self, airflow_env: AirflowEnv) -> Iterator[PodRecorder]:
        with PodRecorder(airflow_env.kubernetes, "tools") as recorder:
            yield recorder

    @pytest.fixture
    def started(self, airflow_env: AirflowEnv, watch: PodRecorder) -> Runs:
        return Runs(airflow_env.airflow, watch)

    @pytest.fixture
    def run_example(self, started: Runs) -> Callable[[], None]:
        def run() -> None:
            made = started.start("example")
            path = f"{DAG}/dagRuns/{made.run_id}"
            self.airflow.answers[path] = {"dag_id": "example", "dag_run_id": made.run_id, "state": "success"}
            tries = {"task_instances": [task_instance("work")], "total_entries": 1}
            self.airflow.answers[f"{path}/taskInstances"] = tries
            self.server.put("pods", worker_pod("a", phase="Succeeded", run=made.run_id))
            made.wait_until_pods_are_over()
            made.recorder.mark("did something")
            self.end()

        return run


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEnvironmentPlugin:
    return FakeEnvironmentPlugin(monkeypatch)


@pytest.fixture
def session(pytester: pytest.Pytester, fake: FakeEnvironmentPlugin) -> Callable[..., pytest.RunResult]:
    def run(text: str, *options: str) -> pytest.RunResult:
        pytester.makeconftest(CONFTEST)
        pytester.makepyfile(test_inner=text)
        loop = ("-o", "asyncio_default_fixture_loop_scope=function")  # else pytest-asyncio warns
        return pytester.runpytest_inprocess("-p", "no:randomly", *loop, *options, plugins=[fake])

    return run


def report_of(pytester: pytest.Pytester) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((pytester.path / "reports/e2e/report.json").read_text())
    return report


def verdicts_of(pytester: pytest.Pytester) -> dict[str, str]:
    return {test["test"].rpartition("::")[2]: test["verdict"] for test in report_of(pytester)["tests"]}


def test_runs_pods_and_marks_are_found_by_their_types(
    session: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    result = session("def test_it(airflow_env, run_example): run_example()")
    result.stdout.re_match_lines([r"report: file:///.*reports/e2e/report\.html"])
    report = report_of(pytester)
    assert report["environment"] == {"name": "fake", "Airflow": "3.3.2", "Kubernetes": "v1.37.2", "nodes": "1"}
    assert (report["totals"]["tries"], report["totals"]["pods"], report["totals"]["faults"]) == (1, 1, 0)
    (test,), (run,) = report["tests"], report["runs"]
    assert (test["verdict"], test["marks"]) == ("passed", ["did something"])
    assert (run["state"], run["tries"][0]["pod"]) == ("success", "a")
    assert "All" not in (pytester.path / "reports/e2e/summary.md").read_text().splitlines()[0]


def test_fault_tells_the_run_that_it_hits_alone(
    session: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    session("""
import contextlib

import pytest

from harness.faults.injection import Faults

@pytest.fixture
def faults(watch):
    return Faults(watch)

def test_it(airflow_env, run_example, started, faults):
    run_example()
    run_example()
    with faults("it dies", contextlib.nullcontext("it is dead"), run=started.started[1]):
        pass
""")
    report = report_of(pytester)
    (test,), (case,) = report["tests"], report["faults"]["cases"]
    assert [run["run_id"] for run in test["runs"]] == [report["runs"][1]["run_id"]]
    assert test["marks"] == ["did something", "did something", "it dies: it is dead"]
    assert (case["faults"][0]["proof"], case["acted"], case["survived"]) == ("it is dead", True, True)


def test_every_outcome_has_its_verdict(session: Callable[..., pytest.RunResult], pytester: pytest.Pytester) -> None:
    session(
        """
import pytest

@pytest.fixture
def breaks(airflow_env):
    yield
    raise RuntimeError("at the end")

def test_passed(airflow_env): pass
def test_failed(airflow_env): assert 1 == 2, "because"
def test_error(breaks): pass
def test_skipped(airflow_env): pytest.skip("not here")
@pytest.mark.xfail(reason="known", strict=False)
def test_xfailed(airflow_env): assert False
@pytest.mark.xfail(reason="known", strict=False)
def test_xpassed(airflow_env): pass
def test_unit(): pass
"""
    )
    names = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
    assert verdicts_of(pytester) == {f"test_{name}": name for name in names} | {"test_unit": "passed"}
    tests = {test["test"].rpartition("_")[2]: test for test in report_of(pytester)["tests"]}
    assert tests["failed"]["failures"] == [{"phase": "call", "line": "AssertionError: because"}]
    assert tests["error"]["failures"] == [{"phase": "teardown", "line": "RuntimeError: at the end"}]
    assert tests["skipped"]["reason"] == "Skipped: not here"


def test_environment_that_could_not_be_made_is_reported(
    session: Callable[..., pytest.RunResult], pytester: pytest.Pytester, fake: FakeEnvironmentPlugin
) -> None:
    fake.problem = "no room"
    session("def test_a(airflow_env): pass\ndef test_b(airflow_env): pass")
    assert verdicts_of(pytester) == {"test_a": "error", "test_b": "error"}
    page = (pytester.path / "reports/e2e/report.html").read_text()
    assert "The environment could not be made. harness.errors.HarnessError: no room" in page
    assert "next step: make room" in page


def test_interrupted_session_is_reported(session: Callable[..., pytest.RunResult], pytester: pytest.Pytester) -> None:
    session(
        """
import pytest

def test_a(airflow_env): pass
def test_b(airflow_env, run_example):
    run_example()
    pytest.exit("enough")
def test_c(airflow_env): pass
"""
    )
    assert verdicts_of(pytester) == {"test_a": "passed", "test_b": "interrupted", "test_c": "not run"}
    assert report_of(pytester)["totals"]["tries"] == 1
    assert "The session was interrupted: Exit enough" in (pytester.path / "reports/e2e/report.html").read_text()


def test_file_that_cannot_be_collected_is_reported(
    session: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_broken="import nothing_of_that_name")
    session("def test_a(airflow_env): pass", "--continue-on-collection-errors")
    assert verdicts_of(pytester) == {"test_a": "passed", "test_broken.py": "error"}


def test_airflow_that_does_not_answer_is_noted_and_fails_nothing(
    session: Callable[..., pytest.RunResult], pytester: pytest.Pytester, fake: FakeEnvironmentPlugin
) -> None:
    refuse = httpx.Response(500, json={"detail": "database is away"})
    fake.end = lambda: fake.airflow.failures.extend([lambda: refuse] * 9)
    session("def test_a(airflow_env, run_example): run_example()").assert_outcomes(passed=1)
    page = (pytester.path / "reports/e2e/report.html").read_text()
    assert "The report is not whole" in page
    assert "database is away" in page


def test_evidence_images_and_logs_are_in_the_page(
    session: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    session(
        """
from pathlib import Path

def test_it(airflow_env, attach_image, interim_report, record_property):
    assert "interrupted" in interim_report().read_text()
    attach_image("the UI", b"png")
    record_property("bytes", 7)
    print("a line, password=x1y2z3")
    error = AssertionError("because password=x1y2z3")
    error.add_note(f"evidence: {Path.cwd() / 'reports/evidence/it'}")
    raise error
""",
        "--junitxml=junit.xml",
        "-o",
        "junit_family=xunit1",
    )
    page = (pytester.path / "reports/e2e/report.html").read_text()
    for wanted in ("the UI", "a line, password=***", "because password=***", "../evidence/it", "bytes"):
        assert wanted in page, wanted
    junit = (pytester.path / "junit.xml").read_text()
    assert ET.fromstring(junit).find(".//failure") is not None  # noqa: S314 - our own
    assert "x1y2z3" not in junit + page


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("def test_unit(): pass", []),
        ("def test_it(airflow_env): pass", ["--e2e-report="]),
        ("def test_it(airflow_env, attach_image): attach_image('x', b'')", ["--e2e-report="]),
        ("def test_it(airflow_env): pass", ["--collect-only"]),
    ],
)
def test_no_report_where_none_is_wanted(
    session: Callable[..., pytest.RunResult], pytester: pytest.Pytester, text: str, options: list[str]
) -> None:
    assert session(text, *options).ret == 0
    assert not (pytester.path / "reports").exists()


def test_another_folder(session: Callable[..., pytest.RunResult], tmp_path: Path) -> None:
    session("def test_it(airflow_env): pass", f"--e2e-report={tmp_path / 'here'}")
    assert (tmp_path / "here" / "report.html").is_file()


DYNAMIC = """
import unittest

import pytest

def test_dynamic(request):
    env = request.getfixturevalue("airflow_env")
    assert env.namespace == "nowhere", "on purpose"

class TestInClass:
    @pytest.fixture(autouse=True)
    def mine(self, request):
        self.env = request.getfixturevalue("airflow_env")

    def test_in_class(self):
        assert self.env.namespace == "nowhere", "in a class"

class TestOfUnittest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def mine(self, request):
        self.env = request.getfixturevalue("airflow_env")

    def test_of_unittest(self):
        self.assertEqual(self.env.namespace, "nowhere")

@pytest.fixture(params=["tools", "nowhere"])
def namespace(request):
    return request.getfixturevalue("airflow_env").namespace == request.param

def test_parametrized_fixture(namespace):
    assert namespace

@pytest.mark.parametrize("text", ["a/b::c[d]", "", "x" * 300, "nul\\x01"])
def test_odd_ids(text, request):
    assert not text or request.getfixturevalue("airflow_env").namespace == "nowhere"

@pytest.mark.anyio
async def test_async(request, anyio_backend_name):
    assert request.getfixturevalue("airflow_env").namespace == "nowhere", "async"

@pytest.fixture
def breaks(request):
    request.getfixturevalue("airflow_env")
    raise RuntimeError("in the setup")

def test_setup(breaks): pass

def test_timeout(request):
    request.getfixturevalue("airflow_env")
    pytest.fail("Timeout >1.0s")

def test_unit(): assert 1 == 2
"""


def counts_of(pytester: pytest.Pytester) -> dict[str, int]:
    """Return the report's counts by pytest's words."""
    words = {"failed": "failed", "error": "errors", "passed": "passed", "skipped": "skipped"}
    return {words[verdict]: number for verdict, number in report_of(pytester)["verdicts"].items()}


@pytest.mark.parametrize("order", [[], ["--random-order", "--random-order-seed=3"]], ids=["in order", "at random"])
def test_every_failure_of_a_session_is_in_its_report(
    session: Callable[..., pytest.RunResult], pytester: pytest.Pytester, order: list[str]
) -> None:
    pytester.makepyfile(test_broken="import nothing_of_that_name")
    result = session(DYNAMIC, "--continue-on-collection-errors", *order)
    counts = {word: number for word, number in result.parseoutcomes().items() if word in {"failed", "passed"}}
    errors = {word: number for word, number in result.parseoutcomes().items() if word.startswith("error")}
    assert counts_of(pytester) == counts | {"errors": sum(errors.values())}
    assert (counts["failed"], sum(errors.values())) == (10, 2), "the broken file, and the setup"
    assert "on purpose" in (pytester.path / "reports/e2e/report.html").read_text()
    assert "10 failed, 2 errors of 14 tests" in (pytester.path / "reports/e2e/summary.md").read_text()


def test_runs_of_a_fixture_asked_for_by_name_are_told(
    session: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    session("def test_it(request): request.getfixturevalue('run_example')()").assert_outcomes(passed=1)
    report = report_of(pytester)
    assert (report["totals"]["runs"], report["totals"]["pods"]) == (1, 1)
    assert len(report["tests"][0]["runs"]) == 1


@pytest.mark.parametrize("again", [1, 5], ids=["fails in the end", "passes in the end"])
def test_last_attempt_of_a_repeated_test_counts(
    session: Callable[..., pytest.RunResult], pytester: pytest.Pytester, again: int
) -> None:
    text = "times = []\ndef test_it(airflow_env): times.append(1); assert len(times) > 2, f'attempt {len(times)}'"
    result = session(text, f"--reruns={again}")
    (test,) = report_of(pytester)["tests"]
    assert test["verdict"] == ("failed" if again == 1 else "passed")
    assert result.parseoutcomes()["rerun"] == min(again, 2)
    assert [failure["line"] for failure in test["failures"]] == (["AssertionError: attempt 2"] if again == 1 else [])
    page = (pytester.path / "reports/e2e/report.html").read_text()
    assert "An attempt before failed: AssertionError: attempt 1" in page


def test_coroutines_are_tests_like_others(session: Callable[..., pytest.RunResult], pytester: pytest.Pytester) -> None:
    result = session(
        """
import pytest, pytest_asyncio

@pytest_asyncio.fixture
async def awaited(airflow_env): return airflow_env

@pytest.mark.asyncio
async def test_run(awaited, run_example): run_example()

@pytest.mark.asyncio
async def test_fails(awaited): assert 0, "on purpose"
""",
        "-p",
        "asyncio",
    )
    result.assert_outcomes(passed=1, failed=1)
    assert counts_of(pytester) == {"passed": 1, "failed": 1}
    assert report_of(pytester)["totals"]["runs"] == 1


@pytest.mark.processes
def test_workers_of_xdist_are_refused_once_and_by_name(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef airflow_env(): raise SystemExit('made')")
    pytester.makepyfile(test_inner="def test_it(airflow_env): pass\ndef test_unit(): pass")
    result = pytester.runpytest_subprocess("-n2", "-p", "no:randomly")
    assert result.ret != 0
    assert str(result.stdout).count("ERROR collecting") == 1
    assert "pytest-xdist (-n) cannot share an Airflow environment" in str(result.stdout)
    assert "INTERNALERROR" not in str(result.stdout) + str(result.stderr)
    assert not (pytester.path / "reports").exists()


@pytest.mark.processes
def test_workers_of_xdist_run_what_needs_no_environment(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_inner="def test_a(): pass\ndef test_b(): pass")
    pytester.runpytest_subprocess("-n1").assert_outcomes(passed=2)


def test_junit_file_is_beside_the_report(session: Callable[..., pytest.RunResult], pytester: pytest.Pytester) -> None:
    session("def test_it(airflow_env): assert 0, 'because password=x1y2z3'")
    text = (pytester.path / "reports/e2e/junit.xml").read_text()
    assert "password=***" in text
    assert '<property name="blame"' in text


@pytest.mark.parametrize("option", ["--junitxml=mine.xml", "--e2e-report="])
def test_junit_file_is_elsewhere_or_nowhere(
    session: Callable[..., pytest.RunResult], pytester: pytest.Pytester, option: str
) -> None:
    result = session("def test_it(airflow_env): pass", option)
    assert not (pytester.path / "reports/e2e/junit.xml").exists()
    assert (pytester.path / "mine.xml").exists() == ("mine" in option)
    assert ("generated xml file" in str(result.stdout)) == ("mine" in option)
