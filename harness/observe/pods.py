"""A worker pod's life as its successive versions tell it; pure, so that a recorded one can be read again.

A pod is identified by the annotations that the KubernetesExecutor gives it: they hold the raw values, while the labels
hold shortened ones (cncf-kubernetes 10.25.0, `pod_generator.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from harness.tools.airflow_records import TaskKey

WORKER_SELECTOR = "kubernetes_executor=True"
FINAL_PHASES = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True)
class PhaseChange:
    """A phase and when we first saw the pod in it."""

    phase: str
    seen: datetime


@dataclass(frozen=True)
class ContainerStatus:
    """A container's last known state: waiting, running or terminated; times are the kubelet's."""

    name: str
    state: str
    reason: str = ""
    exit_code: int | None = None
    started: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True)
class Condition:
    """A condition that was true: since when by the cluster, which has whole seconds, and when we first saw it so."""

    name: str
    since: datetime
    seen: datetime
    reason: str = ""


@dataclass(frozen=True)
class WorkerPod:
    """One pod object, by its UID; `created` is the API server's time, which has whole seconds."""

    uid: str
    name: str
    namespace: str
    dag_id: str
    run_id: str
    key: TaskKey
    created: datetime
    phases: tuple[PhaseChange, ...]
    node: str = ""
    reason: str = ""
    containers: tuple[ContainerStatus, ...] = ()
    conditions: tuple[Condition, ...] = ()
    deletion_requested: datetime | None = None
    deleted: datetime | None = None

    @property
    def phase(self) -> str:
        """Return the last phase that we saw."""
        return self.phases[-1].phase

    def condition(self, name: str) -> Condition | None:
        """Return the condition as it first became true, such as `PodScheduled`, or None when it never was."""
        return next((condition for condition in self.conditions if condition.name == name), None)

    @property
    def ended(self) -> datetime | None:
        """Return when its work ended: its containers', by the kubelet, or else the pod object's deletion."""
        finished = [container.finished for container in self.containers if container.finished]
        return max(finished) if finished else self.deleted

    @property
    def is_over(self) -> bool:
        """Return whether nothing of it runs any more, as far as the API knows."""
        return self.deleted is not None or self.phase in FINAL_PHASES


def parse_pod(pod: Mapping[str, Any], seen: datetime) -> WorkerPod:
    """Read the essentials of a Pod object that we saw at `seen`; not its spec, which holds the task's token."""
    metadata, status = pod["metadata"], pod.get("status", {})
    annotations = metadata.get("annotations", {})
    key = TaskKey(
        task_id=annotations.get("task_id", ""),
        map_index=int(annotations.get("map_index", -1)),
        try_number=int(annotations.get("try_number", 0)),
    )
    return WorkerPod(
        uid=metadata["uid"],
        name=metadata["name"],
        namespace=metadata["namespace"],
        dag_id=annotations.get("dag_id", ""),
        run_id=annotations.get("run_id", ""),
        key=key,
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        phases=(PhaseChange(status.get("phase", "Unknown"), seen),),
        node=pod.get("spec", {}).get("nodeName", ""),
        reason=status.get("reason") or _why_not_scheduled(status),
        containers=tuple(
            _container(item)
            for field in ("initContainerStatuses", "containerStatuses")
            for item in status.get(field, [])
        ),
        conditions=tuple(
            Condition(item["type"], datetime.fromisoformat(item["lastTransitionTime"]), seen, item.get("reason", ""))
            for item in status.get("conditions", [])
            if item["status"] == "True" and item.get("lastTransitionTime")
        ),
        deletion_requested=_time(metadata.get("deletionTimestamp")),
    )


def next_version(known: WorkerPod | None, pod: WorkerPod) -> WorkerPod:
    """Return `pod` with the phases and true conditions that `known`, its earlier version, went through."""
    if known is None:
        return pod
    phases = known.phases if known.phase == pod.phase else known.phases + pod.phases
    names = {condition.name for condition in known.conditions}
    new = tuple(condition for condition in pod.conditions if condition.name not in names)
    return replace(pod, phases=phases, conditions=known.conditions + new, deleted=known.deleted)


def _why_not_scheduled(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("reason", ""))
    return ""


def _container(status: Mapping[str, Any]) -> ContainerStatus:
    states: Mapping[str, Mapping[str, Any]] = status.get("state") or {"waiting": {}}
    state, detail = next(iter(states.items()))
    return ContainerStatus(
        name=status["name"],
        state=state,
        reason=detail.get("reason", ""),
        exit_code=detail.get("exitCode"),
        started=_time(detail.get("startedAt")),
        finished=_time(detail.get("finishedAt")),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
