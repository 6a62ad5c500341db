"""Another component than the scheduler dies while a task runs: the task runs on in its pod."""

import pytest

from harness.faults.components import pod_deleted
from harness.faults.ledger import Faults
from harness.observe.runs import Runs
from harness.pytest_plugin import AirflowEnv

from .components import check_unharmed

pytestmark = pytest.mark.timeout(300, func_only=True)


def test_running_task_outlives_the_database_s_death(airflow_env: AirflowEnv, runs: Runs, fault: Faults) -> None:
    run = runs.start("e2e_bystander", {"seconds": 60})
    pod = run.wait_until_running("wait")

    action = pod_deleted(airflow_env.kubernetes, airflow_env.namespace, "postgresql", by_force=True)
    with fault("the pod of postgresql is deleted by force", action) as injection:
        pass
    run.wait(timeout_s=150)
    fault.recovered(injection)

    check_unharmed(airflow_env, run, pod)


def test_known_dag_runs_while_the_dag_processor_is_away(airflow_env: AirflowEnv, runs: Runs, fault: Faults) -> None:
    action = pod_deleted(airflow_env.kubernetes, airflow_env.namespace, "dag-processor", by_force=True)
    with fault("the pod of dag-processor is deleted by force", action) as injection:
        run = runs.start("e2e_bystander", {"seconds": 1})
        pod = run.wait_until_running("wait")
        fault.recovered(injection)
    run.wait(timeout_s=90)

    check_unharmed(airflow_env, run, pod)
