"""Fixtures: the test DAGs in the cluster, a recording of all pods, and runs that leave nothing behind."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from harness import AirflowEnv, PodRecorder, Runs, UsageError

from .components import wait_until_idle
from .inside import Bundle, DagFolder, Delivery, Parts, Settings

DAGS = Path(__file__).parent / "dags"


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
def no_worker_is_left(airflow_env: AirflowEnv) -> Iterator[None]:
    """See at the end that no worker pod goes on, of whatever run: the plugin looks for those of the session's own."""
    yield
    wait_until_idle(airflow_env)


@pytest.fixture(scope="session", autouse=True)
def delivered_dags(airflow_env: AirflowEnv, no_worker_is_left: None) -> Iterator[DeliveredDags]:  # noqa: ARG001 - the first to begin, the last to look
    """Deliver the test DAGs into a bundle of their own, and take them away at the end."""
    delivered = DeliveredDags(airflow_env.environment.parts)
    with _alone(airflow_env.settings):
        delivered.sync()
        yield delivered
        delivered.bundle.remove()


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
