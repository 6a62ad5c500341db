"""Fixtures: the test DAGs in the cluster, a recording of all pods, and runs that leave nothing behind."""

import re
import shutil
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from filelock import FileLock, Timeout

from harness import AirflowEnv, NotYet, PodRecorder, Runs, UsageError, wait_until

from .inside import WORKER_SELECTOR, Bundle, DagFolder, Delivery, Parts, Settings, evidence, not_yet

DAGS = Path(__file__).parent / "dags"
LEAK_S = 30
EVIDENCE = Path("reports", "evidence")
ENVIRONMENT = pytest.StashKey[AirflowEnv]()


def pytest_configure(config: pytest.Config) -> None:
    """Write JUnit's file beside the report, if nobody says where."""
    config.option.xmlpath = config.getoption("xmlpath", None) or str(config.rootpath / "reports/e2e/junit.xml")


@dataclass(frozen=True)
class DeliveredDags:
    """The bundle of the test DAGs, and what brings folders to it."""

    parts: Parts
    name: str = "e2e"

    @property
    def bundle(self) -> Bundle:
        """The bundle in the cluster."""
        return self.parts.bundle(self.name)

    def sync(self, folder: Path = DAGS, *, force: bool = True) -> Delivery:
        """Check and deliver a folder; forced, for a session that was killed may have left anything."""
        return self.open(folder).sync(force=force)

    def open(self, folder: Path = DAGS) -> DagFolder:
        """Return a folder whose counterpart is the bundle."""
        settings = self.parts.settings.model_copy(update={"dags": folder, "dags_bundle": self.name})
        return replace(self.parts.dags, settings=settings)


@pytest.fixture(scope="session", autouse=True)
def nothing_of_ours_is_left(airflow_env: AirflowEnv) -> Iterator[None]:
    """See at the end that no worker pod, no thread and no process that the session started goes on."""
    threads, processes = set(threading.enumerate()), set(_started_processes())
    yield

    def probe() -> bool | NotYet:
        left = [f"thread {thread.name}" for thread in threading.enumerate() if thread not in threads]
        left += [f"process {child}" for child in _started_processes() if child not in processes]
        pods = airflow_env.kubernetes.list("Pod", airflow_env.namespace, label_selector=WORKER_SELECTOR)
        left += [f"pod {pod['metadata']['name']}" for pod in pods]
        return not_yet(left) if left else True

    wait_until("the end of what the session started", probe, timeout_s=LEAK_S)


def _started_processes() -> list[psutil.Process]:
    """Return what this session started, but for the container engine that `up` may have started, and its processes."""
    engines = [process for process in psutil.process_iter(["name"]) if process.info["name"] == "dockerd"]
    theirs = {process for engine in engines for process in (engine, *engine.children(recursive=True))}
    return [child for child in psutil.Process().children(recursive=True) if child not in theirs]


@pytest.fixture(scope="session", autouse=True)
def remembered_environment(airflow_env: AirflowEnv, request: pytest.FixtureRequest) -> None:
    """Keep the environment where the hook that collects evidence finds it."""
    request.config.stash[ENVIRONMENT] = airflow_env


@pytest.fixture(scope="session", autouse=True)
def delivered_dags(airflow_env: AirflowEnv, nothing_of_ours_is_left: None) -> Iterator[DeliveredDags]:  # noqa: ARG001 - the first to begin, the last to look
    """Deliver the test DAGs into a bundle of their own, and take them away at the end."""
    delivered = DeliveredDags(airflow_env.environment.parts)
    with _alone(airflow_env.settings):
        delivered.sync()
        yield delivered
        delivered.bundle.withdraw()


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Let one test session at a time work on an environment: at its end the test DAGs go."""
    try:
        with FileLock(settings.state / f"{settings.name}-e2e.lock", timeout=1):
            yield
    except Timeout:
        raise UsageError(
            f"another test session works on `{settings.name}`",
            next_step="wait for its end, or test another environment: --airflow-env NAME",
        ) from None


@pytest.fixture
def e2e_folder(delivered_dags: DeliveredDags, tmp_path: Path) -> Iterator[Path]:
    """Yield a copy of the test DAGs' folder to edit; afterwards the cluster has the real one again."""
    yield Path(shutil.copytree(DAGS, tmp_path / "dags"))
    delivered_dags.sync()


@pytest.fixture(scope="module")
def shared_runs(airflow_env: AirflowEnv, recorder: PodRecorder) -> Iterator[Runs]:
    """Start DAG runs that the tests of one module look at together; after them nothing may be left running."""
    started = Runs(airflow_env.airflow, recorder)
    yield started
    started.end_all()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Save the evidence of a failure, and name its folder in the failure's message."""
    environment = item.config.stash.get(ENVIRONMENT, None)
    if environment and call.excinfo and not call.excinfo.errisinstance(pytest.skip.Exception):
        call.excinfo.value.add_note(f"evidence: {_collect(item, environment)}")
    return (yield)


def _collect(item: pytest.Item, environment: AirflowEnv) -> Path:
    folder = item.config.rootpath / EVIDENCE / re.sub(r"[^\w.-]+", "_", item.nodeid)
    fixtures = getattr(item, "funcargs", {})
    started = [run for name in ("runs", "shared_runs") if name in fixtures for run in fixtures[name].started]
    return evidence.collect(
        environment.kubernetes,
        environment.airflow,
        folder,
        namespace=environment.namespace,
        runs=started,
        recorder=fixtures.get("recorder"),
    )
