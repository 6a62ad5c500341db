"""A run that is late is reported."""

import pytest

from harness import AirflowEnv, NotYet, Runs, wait_until

pytestmark = pytest.mark.timeout(180, func_only=True)


def reported(airflow_env: AirflowEnv) -> str:
    """Return what the triggerers have logged of deadlines."""
    selector = "app.kubernetes.io/component=triggerer"
    pods = airflow_env.kubernetes.list("Pod", airflow_env.namespace, label_selector=selector)
    logs = [airflow_env.kubernetes.pod_log(pod["metadata"]["name"], airflow_env.namespace) for pod in pods]
    return "\n".join(line for log in logs for line in log.splitlines() if "deadline" in line)


def test_missed_deadline_is_reported_by_the_triggerer(airflow_env: AirflowEnv, runs: Runs) -> None:
    run = runs.run("e2e_deadline", timeout_s=120)
    run.check({"be_late": 1})
    line = f"deadline missed: run {run.run_id} of DAG e2e_deadline"
    wait_until("the report", lambda: line in reported(airflow_env) or NotYet(reported(airflow_env)), timeout_s=60)
