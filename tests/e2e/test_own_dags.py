"""The DAGs of this repository run green."""

import pytest

from harness import AirflowEnv, Run, Runs

pytestmark = pytest.mark.timeout(240, func_only=True)

TRIES = {
    "hello": {"greet": 1, "pass_on": 1, "receive": 1},
    "mapped": {"list_orders": 1, "value_of[0]": 1, "value_of[1]": 1, "value_of[2]": 1, "add_up": 1},
    "retries": {"fetch": 2},
    "variables": {"greet": 1},
}


@pytest.fixture(scope="module")
def started(shared_runs: Runs) -> dict[str, Run]:
    """Start all of them at once, for they wait more than they work."""
    return {dag_id: shared_runs.start(dag_id) for dag_id in TRIES}


@pytest.mark.parametrize("dag_id", TRIES)
def test_dag_runs_green(started: dict[str, Run], dag_id: str) -> None:
    run = started[dag_id]
    run.wait(timeout_s=180)
    run.check(TRIES[dag_id])


def test_log_outlives_the_pod(airflow_env: AirflowEnv, started: dict[str, Run]) -> None:
    run = started["hello"]
    run.wait(timeout_s=180)
    assert "hello from hello-greet" in airflow_env.airflow.logs(run.dag_id, run.run_id, "receive", 1)
