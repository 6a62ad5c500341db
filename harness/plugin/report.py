"""Writes a report on every session with a test that uses `airflow_env`: all tests of the session are in it."""

import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from harness.advice import explain
from harness.errors import HarnessError, Party, UsageError
from harness.faults.injection import Faults
from harness.observe.recorder import PodRecorder
from harness.observe.runs import Run, Runs
from harness.plugin.environment import AirflowEnv
from harness.plugin.evidence import NOTE
from harness.plugin.sharing import is_worker, uses_environment
from harness.plugin.usage import USAGE, Usage
from harness.report.blame import find_blame, find_party
from harness.report.records import Case, Failure, Image, PodRecord, RunKey, RunRecord, Session
from harness.report.write import redact_junit, write_report
from harness.settings import DEV, load_settings
from harness.waiting import utc_now

BLAME = "blame"


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen."""
    folder = config.getoption("e2e_report")
    if folder and not config.getoption("collectonly") and not is_worker(config):
        plugin = ReportPlugin(config.rootpath / folder, config.stash[USAGE])
        config.pluginmanager.register(plugin, "harness-report")


@pytest.fixture
def attach_image(request: pytest.FixtureRequest) -> Callable[[str, bytes], None]:
    """Return what puts a PNG into the report: `attach_image("Airflow after the login", png)`."""
    plugin = _plugin(request.config)
    return plugin.attach(request.node) if plugin else lambda _title, _png: None


@pytest.fixture
def interim_report(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Path]:
    """Return what writes the report on the session so far, this test's runs included, and returns its page."""
    plugin = _plugin(request.config)
    return lambda: write_report(plugin.interim() if plugin else Session(utc_now()), tmp_path / "report")


def _name_environment(config: pytest.Config) -> str:
    try:
        return load_settings({"name": config.getoption("airflow_env", None)}).name
    except UsageError:
        return DEV


def _plugin(config: pytest.Config) -> "ReportPlugin | None":
    plugin = config.pluginmanager.get_plugin("harness-report")
    return plugin if isinstance(plugin, ReportPlugin) else None


class ReportPlugin:
    """Listens to one session; what it cannot find out stands in the report and fails no test."""

    def __init__(self, folder: Path, usage: Usage) -> None:
        self.folder = folder
        self._usage = usage
        self._session = Session(utc_now())
        self._runs: dict[RunKey, Run] = {}
        self._recorders: dict[int, PodRecorder] = {}
        self._is_wanted = False
        self._current: pytest.Item | None = None
        self._page: Path | None = None

    def attach(self, item: pytest.Item) -> Callable[[str, bytes], None]:
        """Return what adds an image to the test's part of the report."""
        images = self._case(item).images
        return lambda title, png: images.append(Image(title, png))

    def interim(self) -> Session:
        """Return the session as it is known in the middle of a test."""
        if self._current is not None:
            self._observe(self._current)
        return self.complete()

    def complete(self) -> Session:
        """Return the session with all that the recorders have."""
        session = self._session
        session.end = utc_now()
        for run in self._runs.values():
            self._recorders[id(run.recorder)] = run.recorder
        session.marks = [mark for recorder in self._recorders.values() for mark in recorder.marks]
        session.gaps = [gap for recorder in self._recorders.values() for gap in recorder.gaps]
        session.outages = [outage for recorder in self._recorders.values() for outage in recorder.outages]
        for key, run in self._runs.items():
            record = session.runs[key]
            try:
                record.pods = [PodRecord(p, run.recorder.events(p.uid), run.recorder.log(p.uid)) for p in run.pods]
            except HarnessError as error:
                record.problem = str(error)
        return session

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take the tests that will run."""
        self._is_wanted = any(map(uses_environment, session.items))
        for item in session.items:
            self._case(item)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember a file that cannot be collected."""
        if report.failed:
            failure = _failure("collection", report.longrepr)
            self._session.cases[report.nodeid] = Case(report.nodeid, outcomes={"setup": "failed"}, failures=[failure])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note when a test begins and ends; one that was interrupted has no end."""
        self._current = item
        self._case(item).start = utc_now()
        result = yield
        self._case(item).end = utc_now()
        self._current = None
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        """Ask Airflow about the test's runs while its fixtures are there."""
        self._observe(item)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Take the outcome of a phase, and let an error of ours say what to do next."""
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, HarnessError) and (advice := explain(error, _name_environment(item.config))):
            error.add_note(f"next step: {advice}")
        report = yield
        case = self._case(item)
        if report.when == "setup":
            case.begin_attempt()
        self._take_outcome(case, report, call)
        if report.failed and (self._is_wanted or self._usage.has_asked) and (blamed := find_blame(case, self._session)):
            # The JUnit file takes the properties of the last phase, which has those of the test so far.
            for properties in (item.user_properties, report.user_properties):
                properties.append((BLAME, f"{blamed.party}: {blamed.reason}"))
        return report

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note why the session ends early."""
        self._session.problems.append(f"The session was interrupted: {excinfo.typename} {excinfo.value}".strip())

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Write the report when all fixtures are torn down, and before the terminal's summary."""
        if self._current is not None:
            case = self._case(self._current)
            if case.start:
                case.seconds["call"] = (utc_now() - case.start).total_seconds() - case.seconds.get("setup", 0)
            self._observe(self._current)
        yield
        if self._is_wanted or self._usage.has_asked:
            self._note_missing_environment()
            self._page = write_report(self.complete(), self.folder)
            junit = session.config.getoption("xmlpath", None)
            if junit and Path(junit).is_file():
                redact_junit(Path(junit))

    # The name in quotes: pytest has it since 8.4.
    def pytest_terminal_summary(self, terminalreporter: "pytest.TerminalReporter") -> None:
        """Say where the report is."""
        if self._page:
            terminalreporter.write_line(f"report: {self._page.as_uri()}")

    def _case(self, item: pytest.Item) -> Case:
        return self._session.cases.setdefault(item.nodeid, Case(item.nodeid))

    def _take_outcome(self, case: Case, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
        case.outcomes[report.when] = report.outcome
        case.seconds[report.when] = report.duration
        case.sections = list(report.sections)
        case.properties = [(name, value) for name, value in report.user_properties if name != BLAME]
        if hasattr(report, "wasxfail"):
            case.is_expected_to_fail, case.reason = True, str(report.wasxfail)
        elif report.skipped and isinstance(report.longrepr, tuple):
            case.reason = report.longrepr[2]
        if report.failed:
            error = call.excinfo.value if call.excinfo else None
            case.failures.append(_failure(report.when, report.longrepr, find_party(error)))
            notes = getattr(call.excinfo.value, "__notes__", []) if call.excinfo else []
            paths = [note.removeprefix(NOTE) for note in notes if note.startswith(NOTE)]
            case.evidence += [os.path.relpath(path, self.folder) for path in paths]

    def _observe(self, item: pytest.Item) -> None:
        case = self._case(item)
        for value in self._usage.values:
            try:
                if isinstance(value, AirflowEnv) and not self._session.name:
                    self._meet(value)
                elif isinstance(value, PodRecorder):
                    self._recorders[id(value)] = value
                elif isinstance(value, Faults):
                    case.injections = value.injections
                elif isinstance(value, Runs):
                    self._take_runs(case, value)
            except HarnessError as error:
                case.problems.append(f"The report is not whole: {error}")
        hit = {RunKey(one.run.dag_id, one.run.run_id) for one in case.injections if one.run}
        if hit:
            case.runs = [key for key in case.runs if key in hit]

    def _meet(self, env: AirflowEnv) -> None:
        self._session.name = env.settings.name
        nodes = env.kubernetes.list("Node")
        info = nodes[0]["status"]["nodeInfo"]
        self._session.facts = [
            ("Airflow", env.airflow.version()),
            ("Kubernetes", info["kubeletVersion"]),
            ("nodes", str(len(nodes))),
        ]

    def _take_runs(self, case: Case, runs: Runs) -> None:
        """Ask about each run; the first that Airflow does not answer for ends it, since each wait for it is long."""
        for run in runs.started:
            key = RunKey(run.dag_id, run.run_id)
            self._runs[key] = run
            self._session.runs.setdefault(key, RunRecord(key))
            if key not in case.runs:
                case.runs.append(key)
        for run in runs.started:
            record = self._session.runs[RunKey(run.dag_id, run.run_id)]
            record.state, record.tries, record.asked = run.state, run.tries, utc_now()

    def _note_missing_environment(self) -> None:
        errors = [case.failures[0] for case in self._session.cases.values() if case.verdict == "error"]
        if not self._session.name and errors:
            self._session.problems.append(f"The environment could not be made. {errors[0].line}")


def _failure(phase: str, longrepr: object, party: Party = "product") -> Failure:
    crash = getattr(longrepr, "reprcrash", None)
    text = str(longrepr)
    message = str(crash.message) if crash else next(iter(reversed(text.strip().splitlines())), "")
    return Failure(phase, next(iter(message.splitlines()), ""), text, party)
