"""What a project with a chart of its own writes: the plugin's fixtures, and nothing of this repository's tests."""

import pytest

from harness import AirflowApi, AirflowEnv, PodRecorder, RunDag, Runs
from harness.faults import Faults, force_delete_pod

pytestmark = pytest.mark.timeout(300, func_only=True)


def test_a_task_is_one_pod(
    airflow_env: AirflowEnv, airflow: AirflowApi, recorder: PodRecorder, run_dag: RunDag
) -> None:
    run = run_dag("flight")
    run.check({"fly": 1})
    assert [pod.uid for pod in recorder.pods(run_id=run.run_id)] == [pod.uid for pod in run.pods]
    assert run.pods[0].namespace == airflow_env.namespace == "flights"
    assert airflow.xcom("flight", run.run_id, "fly") == "landed"


@pytest.mark.faults
def test_a_deleted_pod_is_replaced(airflow_env: AirflowEnv, runs: Runs, fault: Faults) -> None:
    run = runs.start("flight", {"seconds": 600})
    victim = run.wait_until_running("fly")
    with fault("the pod is force-deleted", force_delete_pod(airflow_env.kubernetes, victim)):
        run.wait(timeout_s=200)
    run.check({"fly": 2})
