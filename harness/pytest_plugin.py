"""The pytest plugin: an Airflow on kind as a session fixture, through pytest-kind's `kind_cluster`."""

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from harness.cluster import cluster_name, control_plane
from harness.environment import Environment
from harness.faults.ledger import Faults
from harness.observe.leftovers import end_leftovers
from harness.observe.recorder import PodRecorder
from harness.observe.runs import Run, Runs
from harness.parts import Parts
from harness.settings import Settings, load_settings
from harness.steps import Outcome
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_records import NOW, LogicalDate
from harness.tools.docker import Docker
from harness.tools.k8s import Kubernetes
from harness.tools.kind import KUBECTL

pytest_plugins = ["harness.pytest_report"]

MARKERS = (
    "faults: injects a fault into the cluster or into Airflow, and proves that it acted",
    "serial: needs the environment for itself: no other session and no other worker of pytest-xdist beside it",
    "slow: takes minutes, so a quick session leaves it out by `-m 'not slow'`",
)


@dataclass(frozen=True)
class AirflowEnv:
    """What tests get of an environment: clients of its cluster and of its Airflow."""

    environment: Environment
    kubernetes: Kubernetes
    airflow: AirflowApi

    @property
    def settings(self) -> Settings:
        """The environment's settings."""
        return self.environment.settings

    @property
    def namespace(self) -> str:
        """The namespace that Airflow runs in."""
        return self.settings.namespace

    @property
    def docker(self) -> Docker:
        """Return the client of the container engine whose containers the nodes are."""
        return self.environment.parts.docker

    @property
    def control_plane(self) -> str:
        """Return the name of the control plane's node."""
        return control_plane(self.settings)


class RunDag(Protocol):
    """What the fixture `run_dag` is."""

    def __call__(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        *,
        timeout_s: float = 300,
        logical_date: LogicalDate = NOW,
    ) -> Run:
        """Trigger a run and wait until it and its pods are over, however they end."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options to those of pytest-kind (`--keep-cluster`, `--cluster-name`, `--kubeconfig`, ...)."""
    group = parser.getgroup("harness")
    group.addoption(
        "--airflow-env",
        metavar="NAME",
        default=None,
        help="environment to test (default: HARNESS_NAME or `dev`); it is made when it is missing",
    )
    group.addoption(
        "--reuse",
        dest="reuse_airflow_env",
        action="store_true",
        help="take the environment that is there, also with CI=true, or make it; leave it for the next session",
    )
    group.addoption(
        "--keep-on-failure",
        action="store_true",
        help="keep an environment that this session made when a test failed, or when it did not come up",
    )


class _TerminalReporter:
    """Shows the steps of `up` while they go, past pytest's capture."""

    def __init__(self, config: pytest.Config) -> None:
        self._capture: Any = config.pluginmanager.getplugin("capturemanager")
        self._terminal: Any = config.pluginmanager.getplugin("terminalreporter")

    def started(self, name: str) -> None:
        """Say nothing: the end of a step tells enough."""

    def said(self, text: str) -> None:
        """Print a line below the step."""
        self._print(f"    {text}")

    def ended(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Print the step's line."""
        self._print(f"  {name:<28} {outcome} {seconds:.1f} s")

    def _print(self, line: str) -> None:
        with self._capture.global_and_fixture_disabled():
            self._terminal.write_line(line)


@pytest.fixture(scope="session")
def airflow_env(request: pytest.FixtureRequest) -> Iterator[AirflowEnv]:
    """Yield a healthy environment; one that was there before stays, one that was made here goes at the end.

    `--reuse` and `--keep-cluster` keep that one, too, and `--keep-on-failure` does when something failed. With CI=true
    and without `--reuse` the session begins with a new one, whatever a run that was killed has left.
    """
    option = request.config.option
    is_whole = False
    environment = Environment(Parts(load_settings({"name": option.airflow_env})))
    reporter = _TerminalReporter(request.config)
    if os.environ.get("CI") == "true" and not option.reuse_airflow_env:
        environment.start_engine(reporter)
        environment.down(reporter)
        was_there = False
    else:
        was_there = environment.has_cluster()
    try:
        environment.up(reporter)
        _configure_pytest_kind(environment, option)
        request.getfixturevalue("kind_cluster")
        is_whole = True
        yield AirflowEnv(environment, environment.parts.kubernetes, environment.parts.airflow)
    finally:
        has_failed = not is_whole or request.session.testsfailed > 0
        is_kept = option.keep_airflow_env or option.reuse_airflow_env or (option.keep_on_failure and has_failed)
        if not was_there and not is_kept:
            environment.down(reporter)


@pytest.fixture(scope="session")
def airflow(airflow_env: AirflowEnv) -> AirflowApi:
    """Return a client of Airflow's REST API, logged in as the administrator."""
    return airflow_env.airflow


@pytest.fixture(scope="session")
def recorder(airflow_env: AirflowEnv) -> Iterator[PodRecorder]:
    """Record all worker pods from before the first trigger to after the last run; no older run goes on beside them."""
    end_leftovers(airflow_env.airflow)
    with PodRecorder(airflow_env.kubernetes, airflow_env.namespace) as recording:
        yield recording


@pytest.fixture
def runs(airflow: AirflowApi, recorder: PodRecorder) -> Iterator[Runs]:
    """Start DAG runs for one test; after it nothing of them may be left running."""
    started = Runs(airflow, recorder)
    yield started
    started.end_all()


@pytest.fixture
def run_dag(runs: Runs) -> RunDag:
    """Return what runs a DAG to its end: `run_dag("my_dag", {"day": "2026-01-01"})`."""

    def run(
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        *,
        timeout_s: float = 300,
        logical_date: LogicalDate = NOW,
    ) -> Run:
        return runs.run(dag_id, conf, timeout_s=timeout_s, logical_date=logical_date)

    return run


@pytest.fixture
def fault(recorder: PodRecorder) -> Iterator[Faults]:
    """Inject faults, each for the length of a block: a fault that does not prove that it acted is an error."""
    faults = Faults(recorder)
    yield faults
    faults.check_acted()


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and remember `--keep-cluster`.

    pytest-kind itself keeps the cluster in any case, for removing ours takes more.
    """
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    config.option.keep_airflow_env = config.getoption("keep_cluster")


def _configure_pytest_kind(environment: Environment, option: Any) -> None:
    """Point pytest-kind at our cluster, kind and kubeconfig, so that it finds all there and downloads nothing."""
    settings = environment.settings
    option.cluster_name = cluster_name(settings)
    option.kubeconfig = str(settings.kubeconfig)
    option.kind_bin = str(environment.parts.kind.binary)
    option.kind_kubectl_bin = str(_write_kubectl(environment))
    option.keep_cluster = True


def _write_kubectl(environment: Environment) -> Path:
    """Write a `kubectl` that is the control plane node's own, for `kind_cluster.kubectl(...)`."""
    path = environment.settings.folder / "kubectl"
    words = [environment.parts.docker.binary, "exec", "-i", control_plane(environment.settings), *KUBECTL]
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    path.chmod(0o755)
    return path
