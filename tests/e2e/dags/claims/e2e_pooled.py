"""A task that asks for a node of the pool and tolerates its taint, and after it one that does neither."""

from airflow.sdk import dag, task
from kubernetes.client import models as k8s

IN_POOL = k8s.V1Pod(
    spec=k8s.V1PodSpec(
        containers=[k8s.V1Container(name="base")],
        node_selector={"pool": "claims"},
        tolerations=[k8s.V1Toleration(key="pool", operator="Equal", value="claims", effect="NoSchedule")],
    )
)


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_pooled() -> None:
    @task(executor_config={"pod_override": IN_POOL})
    def inside() -> None:
        pass

    @task
    def outside() -> None:
        pass

    inside() >> outside()


e2e_pooled()
