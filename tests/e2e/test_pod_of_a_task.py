"""What a task may ask of its pod: a template of the chart's values, and nothing that the namespace refuses."""

from collections.abc import Mapping

import pytest

from harness.observe.pods import WorkerPod
from harness.observe.runs import ObservedRun, Runs
from harness.pytest_plugin import AirflowEnv
from harness.tools.k8s import Json

from .checks import check_run

pytestmark = pytest.mark.timeout(180, func_only=True)

TEMPLATE = "harness.dev/template"
VIOLATES = 'violates PodSecurity "restricted:latest": '
REFUSED = {
    "e2e_privileged": f'{VIOLATES}privileged (container "base" must not set securityContext.privileged=true)',
    "e2e_as_root": 'runAsUser=0 (container "base" must not set runAsUser=0)',
    "e2e_no_such_template": VIOLATES,
}


@pytest.fixture(scope="module")
def batch(shared_runs: Runs) -> Mapping[str, ObservedRun]:
    return {dag_id: shared_runs.start(dag_id) for dag_id in ("e2e_template", *REFUSED)}


def test_task_has_the_pod_of_the_template_that_it_picks(
    airflow_env: AirflowEnv, batch: Mapping[str, ObservedRun]
) -> None:
    run = batch["e2e_template"]
    small, common = (live(airflow_env, run.wait_until_running(task_id)) for task_id in ("small", "common"))
    run.wait(timeout_s=90)
    check_run(run, {"small": 1, "common": 1})
    assert small["metadata"]["labels"][TEMPLATE] == "small"
    assert TEMPLATE not in common["metadata"]["labels"]
    (container,) = small["spec"]["containers"]
    assert container["resources"] == {"requests": {"cpu": "10m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}}
    (other,) = common["spec"]["containers"]
    assert other["resources"] != container["resources"]
    assert container["securityContext"] == other["securityContext"]


@pytest.mark.parametrize("dag_id", REFUSED)
def test_task_whose_pod_is_refused_fails_at_once_and_the_audit_log_says_why(
    batch: Mapping[str, ObservedRun], dag_id: str
) -> None:
    run = batch[dag_id]
    run.wait(timeout_s=90)
    assert (run.state, run.pods) == ("failed", []), run.story
    (line,) = run.airflow.event_logs(run.dag_id, run.run_id, event="state mismatch")
    assert line.task_id == "work"
    assert REFUSED[dag_id] in line.extra.replace("\\", "")


def live(env: AirflowEnv, pod: WorkerPod) -> Json:
    found = env.kubernetes.get("Pod", pod.name, pod.namespace)
    assert found, f"pod {pod.name} is gone"
    return found
