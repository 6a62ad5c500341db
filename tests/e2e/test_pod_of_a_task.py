"""What a task may ask of its pod: a template of the chart's values, and nothing that the namespace refuses."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import AirflowEnv, Run, Runs, WorkerPod

from .inside import Json, run

pytestmark = pytest.mark.timeout(180, func_only=True)

TEMPLATE = "harness.dev/template"
REFUSED = {
    "e2e_privileged": 'violates PodSecurity "restricted:latest": privileged (container "base" must not set ',
    "e2e_as_root": 'runAsUser=0 (container "base" must not set runAsUser=0)',
    "e2e_no_such_template": "is invalid: spec.containers[0].image: Required value",
}


@pytest.fixture(scope="module")
def batch(shared_runs: Runs) -> Mapping[str, Run]:
    return {dag_id: shared_runs.start(dag_id) for dag_id in ("e2e_template", *REFUSED)}


def test_task_has_the_pod_of_the_template_that_it_picks(airflow_env: AirflowEnv, batch: Mapping[str, Run]) -> None:
    observed = batch["e2e_template"]
    small, common = (live(airflow_env, observed.wait_until_running(task_id)) for task_id in ("small", "common"))
    observed.wait(timeout_s=90)
    observed.check({"small": 1, "common": 1})
    assert small["metadata"]["labels"][TEMPLATE] == "small"
    assert TEMPLATE not in common["metadata"]["labels"]
    (container,) = small["spec"]["containers"]
    assert container["resources"] == {"requests": {"cpu": "10m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}}
    (other,) = common["spec"]["containers"]
    assert other["resources"] != container["resources"]
    assert container["securityContext"] == other["securityContext"]


@pytest.mark.parametrize("dag_id", REFUSED)
def test_refused_pod_fails_its_task_and_the_audit_log_says_why(batch: Mapping[str, Run], dag_id: str) -> None:
    observed = batch[dag_id]
    observed.wait(timeout_s=90)
    assert (observed.state, observed.pods) == ("failed", []), observed.timeline
    (line,) = observed.airflow.event_logs(observed.dag_id, observed.run_id, event="state mismatch")
    assert line.task_id == "work"
    assert REFUSED[dag_id] in line.extra.replace("\\", "")


def test_dags_run_tells_why_the_pod_is_refused(airflow_env: AirflowEnv, batch: Mapping[str, Run]) -> None:
    batch["e2e_privileged"].wait(timeout_s=90)
    harness = Path(sys.executable).with_name("harness")
    words = ["--name", airflow_env.settings.name, "dags", "run", "e2e_privileged"]
    result = run([str(harness), *words], check=False, timeout_s=90)
    assert result.returncode == 1
    assert "work try 1 failed without a pod: " in result.stdout
    assert REFUSED["e2e_privileged"] in result.stdout


def live(env: AirflowEnv, pod: WorkerPod) -> Json:
    found = env.kubernetes.get("Pod", pod.name, pod.namespace)
    assert found, f"pod {pod.name} is gone"
    return found
