"""A task that takes more memory or more room than its pod may have, on its first try alone."""

import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import Param, dag, get_current_context, task
from kubernetes.client import models as k8s

MEMORY = "450Mi"
ROOM = "1Mi"
FOLDER = "/room"
MIB = 2**20
# Longer than any test: the kubelet looks at volumes once a minute.
WAIT_S = 600

POD = k8s.V1Pod(
    spec=k8s.V1PodSpec(
        containers=[
            k8s.V1Container(
                name="base",
                resources=k8s.V1ResourceRequirements(
                    requests={"cpu": "20m", "memory": "128Mi"}, limits={"memory": MEMORY}
                ),
                volume_mounts=[k8s.V1VolumeMount(name="room", mount_path=FOLDER)],
            )
        ],
        volumes=[k8s.V1Volume(name="room", empty_dir=k8s.V1EmptyDirVolumeSource(size_limit=ROOM))],
    )
)


@dag(schedule=None, catchup=False, tags=["e2e", "fault"], params={"how": Param("memory")})
def e2e_over_its_limits() -> None:
    @task(retries=1, retry_delay=timedelta(seconds=1), executor_config={"pod_override": POD})
    def victim() -> None:
        context = get_current_context()
        if context["ti"].try_number > 1:
            return
        if context["params"]["how"] == "memory":
            held = [bytearray(b"x" * 10 * MIB) for _ in range(100)]
            raise AssertionError(f"{len(held)} pieces of 10 MiB fit")
        Path(FOLDER, "much").write_bytes(b"x" * 8 * MIB)
        time.sleep(WAIT_S)

    victim()


e2e_over_its_limits()
