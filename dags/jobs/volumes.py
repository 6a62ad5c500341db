"""Volumes for the pods of single tasks."""

from typing import Any

from kubernetes.client import models as k8s

FILES_CLAIM = "shared-files"
FILES_FOLDER = "/mnt/files"


def mount_files() -> dict[str, Any]:
    """Return the `executor_config` of a task whose pod has the claim `shared-files` at /mnt/files.

    Only the pods of that task mount it. A pod whose claim is missing stays Pending, and its task queued.
    """
    mount = k8s.V1VolumeMount(name="files", mount_path=FILES_FOLDER)
    claim = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=FILES_CLAIM)
    spec = k8s.V1PodSpec(
        # The executor merges this into the container of that name.
        containers=[k8s.V1Container(name="base", volume_mounts=[mount])],
        volumes=[k8s.V1Volume(name="files", persistent_volume_claim=claim)],
    )
    return {"pod_override": k8s.V1Pod(spec=spec)}
