"""Tasks whose pods cannot start, each in a DAG of its own beside one that can."""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task
from kubernetes.client import models as k8s

# A node gets this label when a test says so.
PLACE = {"harness.dev/e2e-place": "yes"}


def base(**fields: Any) -> k8s.V1PodSpec:
    return k8s.V1PodSpec(containers=[k8s.V1Container(name="base", **fields)])


def secret(name: str) -> k8s.V1EnvVar:
    source = k8s.V1EnvVarSource(secret_key_ref=k8s.V1SecretKeySelector(name=name, key="key"))
    return k8s.V1EnvVar(name="E2E_MISSING", value_from=source)


CANNOT_START = {
    "e2e_bad_image": base(image="localhost:1/no-such-image:0"),
    "e2e_missing_secret": base(env=[secret("e2e-missing")]),
    "e2e_unschedulable": k8s.V1PodSpec(containers=[], node_selector=PLACE),
}

for dag_id, spec in CANNOT_START.items():
    with DAG(dag_id, schedule=None, catchup=False, tags=["e2e", "fault"]):

        @task(executor_config={"pod_override": k8s.V1Pod(spec=spec)}, retries=1, retry_delay=timedelta(seconds=1))
        def victim() -> None:
            pass

        @task(retries=1, retry_delay=timedelta(seconds=1))
        def sibling() -> None:
            pass

        victim()
        sibling()
