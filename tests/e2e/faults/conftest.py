"""Every test below here injects a fault, and some into what all runs share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import AirflowEnv, PodRecorder, Runs

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("faults")
            item.add_marker("serial")


@pytest.fixture(scope="session")
def quiet_s(airflow_env: AirflowEnv, recorder: PodRecorder, delivered_dags: object) -> Callable[[int], float]:  # noqa: ARG001 - the DAG must be there
    """Return how long `e2e_bystander` takes with so many seconds of work, by a run of it without any fault."""
    run = Runs(airflow_env.airflow, recorder).run("e2e_bystander", {"seconds": 1}, timeout_s=120)
    taken_s = run.makespan_s
    assert taken_s, run.timeline
    return lambda seconds: taken_s - 1 + seconds
