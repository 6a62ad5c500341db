"""An environment that rests comes back with all that it held, and a reset empties its history alone."""

import pytest

from harness import AirflowApi, AirflowEnv, Runs, UsageError
from support.admin import find_variable, make_variable

from .inside import Silent

pytestmark = [pytest.mark.timeout(240, func_only=True), pytest.mark.serial]

CHAIN = {"first": 1, "second": 1, "third": 1}


def test_run_goes_on_after_a_pause(airflow_env: AirflowEnv, runs: Runs) -> None:
    environment = airflow_env.environment
    run = runs.start("e2e_chain")
    environment.pause(Silent())
    try:
        assert set(environment.node_states().values()) == {"paused"}
        with pytest.raises(UsageError, match="is paused"):
            environment.check_runs()
    finally:
        environment.resume(Silent())
    run.wait(timeout_s=120)
    run.check(CHAIN)


def test_reset_empties_the_history_and_keeps_the_dags(airflow_env: AirflowEnv, runs: Runs) -> None:
    airflow = airflow_env.airflow
    make_variable(airflow, "e2e_reset", "gone")
    runs.run("hello", timeout_s=120)
    dags = ids_of(airflow)
    airflow_env.environment.reset(Silent(), force=True)
    assert airflow.dag_runs("hello") == []
    assert find_variable(airflow, "e2e_reset") is None
    assert ids_of(airflow) == dags
    runs.run("hello", timeout_s=120).check({"greet": 1, "pass_on": 1, "receive": 1})


@pytest.mark.slow  # twice the time of a start of all components; what protects a change is the pause above
def test_history_and_dags_are_there_after_stop_and_start(airflow_env: AirflowEnv, runs: Runs) -> None:
    environment = airflow_env.environment
    before = runs.run("hello", timeout_s=120)
    environment.stop(Silent())
    try:
        assert set(environment.node_states().values()) == {"exited"}
    finally:
        environment.start(Silent())
    assert airflow_env.airflow.dag_run("hello", before.run_id).state == "success"
    runs.run("hello", timeout_s=120).check({"greet": 1, "pass_on": 1, "receive": 1})


def ids_of(airflow: AirflowApi) -> set[str]:
    return {dag.dag_id for dag in airflow.dags()}
