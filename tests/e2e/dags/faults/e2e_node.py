"""A task that waits on its first try, on a node of the pool if there is one, to lose that node."""

import logging
import time
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task
from kubernetes.client import models as k8s

# Longer than any test: the first try ends only by the fault.
VICTIM_S = 600

IN_POOL = k8s.V1NodeSelectorTerm(
    match_expressions=[k8s.V1NodeSelectorRequirement(key="pool", operator="In", values=["faults"])]
)
PREFERS_POOL = k8s.V1Pod(
    spec=k8s.V1PodSpec(
        containers=[k8s.V1Container(name="base")],
        tolerations=[k8s.V1Toleration(key="pool", operator="Equal", value="faults", effect="NoSchedule")],
        affinity=k8s.V1Affinity(
            node_affinity=k8s.V1NodeAffinity(
                preferred_during_scheduling_ignored_during_execution=[
                    k8s.V1PreferredSchedulingTerm(weight=100, preference=IN_POOL)
                ]
            )
        ),
    )
)


@dag(schedule=None, catchup=False, tags=["e2e", "fault"])
def e2e_node() -> None:
    @task(retries=1, retry_delay=timedelta(seconds=1), executor_config={"pod_override": PREFERS_POOL})
    def victim() -> None:
        if get_current_context()["ti"].try_number == 1:
            logging.getLogger(__name__).info("at work")
            time.sleep(VICTIM_S)

    victim()


e2e_node()
