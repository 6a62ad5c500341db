"""A task that shapes its own pod, beside one that takes the pod as it comes; both report what they may use."""

import time
from pathlib import Path

from airflow.sdk import dag, task
from kubernetes.client import models as k8s

CGROUP = Path("/sys/fs/cgroup")
# The test looks at both pods while their tasks run.
WORK_S = 15

POD = k8s.V1Pod(
    metadata=k8s.V1ObjectMeta(labels={"team": "e2e"}, annotations={"harness.dev/e2e": "a text, with blanks"}),
    spec=k8s.V1PodSpec(
        containers=[
            k8s.V1Container(
                name="base",
                image="localhost/harness/airflow:e2e-own",
                resources=k8s.V1ResourceRequirements(
                    requests={"cpu": "30m", "memory": "150Mi"}, limits={"cpu": "900m", "memory": "600Mi"}
                ),
            )
        ]
    ),
)


def limits() -> dict[str, str]:
    """Return the limits as the kernel has them, in cgroup v2 or v1."""
    if (CGROUP / "cgroup.controllers").exists():
        cpu, memory = (CGROUP / "cpu.max").read_text(), (CGROUP / "memory.max").read_text()
    else:
        quota, period = ((CGROUP / "cpu" / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        cpu = f"{'max' if quota == '-1' else quota} {period}"
        memory = (CGROUP / "memory/memory.limit_in_bytes").read_text()
    return {"cpu": cpu.strip(), "memory": memory.strip()}


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_own_pod() -> None:
    @task
    def plain() -> dict[str, str]:
        time.sleep(WORK_S)
        return limits()

    @task(executor_config={"pod_override": POD})
    def shaped() -> dict[str, str]:
        time.sleep(WORK_S)
        return limits()

    plain()
    shaped()


e2e_own_pod()
