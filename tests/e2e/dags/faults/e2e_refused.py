"""Tasks whose pods the API server refuses to make, each in a DAG of its own."""

from typing import Any

from airflow.sdk import DAG, task
from kubernetes.client import models as k8s


def override(context: k8s.V1SecurityContext) -> dict[str, Any]:
    container = k8s.V1Container(name="base", security_context=context)
    return {"pod_override": k8s.V1Pod(spec=k8s.V1PodSpec(containers=[container]))}


REFUSED = {
    "e2e_privileged": override(k8s.V1SecurityContext(privileged=True)),
    "e2e_as_root": override(k8s.V1SecurityContext(run_as_user=0, run_as_non_root=False)),
    "e2e_no_such_template": {"pod_template_file": "/opt/airflow/pod_template/no-such.yaml"},
}

for dag_id, config in REFUSED.items():
    with DAG(dag_id, schedule=None, catchup=False, tags=["e2e", "fault"]):

        @task(executor_config=config)
        def work() -> None:
            pass

        work()
