"""The fixtures on top of `airflow_env`: clients, the recording, runs, and faults."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import pytest

from harness.faults.injection import Faults
from harness.observe.leftovers import end_leftovers
from harness.observe.recorder import PodRecorder
from harness.observe.runs import Run, Runs
from harness.plugin.environment import AirflowEnv
from harness.steps import Silent
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_records import NOW, LogicalDate


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


@pytest.fixture(scope="session")
def airflow(airflow_env: AirflowEnv) -> AirflowApi:
    """Return a client of Airflow's REST API, logged in as the administrator."""
    return airflow_env.airflow


@pytest.fixture(scope="session")
def recorder(airflow_env: AirflowEnv) -> Iterator[PodRecorder]:
    """Record all worker pods from before the first trigger to after the last run; no older run goes on beside them.

    On a cluster that is there others may have runs, also of tests.
    """
    if not airflow_env.settings.is_elsewhere:
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
def fresh_airflow(airflow_env: AirflowEnv) -> AirflowApi:
    """Return a client of an Airflow whose metadata is as freshly installed; what ran before this test is ended."""
    airflow_env.environment.reset(Silent(), force=True)
    return airflow_env.airflow


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
