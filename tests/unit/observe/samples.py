"""Small recordings to look at: seconds from noon make the times."""

from datetime import UTC, datetime, timedelta
from typing import Any

from harness.observe.pods import ContainerStatus, PhaseChange, WorkerPod
from harness.tools.airflow_records import TaskInstance, TaskKey

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return noon and so many seconds."""
    return NOON + timedelta(seconds=seconds)


def pod(task_id: str = "work", try_number: int = 1, map_index: int = -1, **others: Any) -> WorkerPod:
    """Return a pod that succeeded and is gone, made at `created` seconds, ended at `ended`."""
    name = others.pop("name", f"pod-{task_id}-{map_index}-{try_number}")
    created, ended = others.pop("created", 0), others.pop("ended", 9)
    given: dict[str, Any] = {
        "uid": f"uid-{name}",
        "phases": (PhaseChange("Pending", at(created)), PhaseChange("Succeeded", at(ended + 0.5))),
        "containers": (ContainerStatus("base", "terminated", "Completed", 0, at(created + 1), at(ended)),),
        "deleted": at(ended + 1),
        **others,
    }
    key = TaskKey(task_id, map_index, try_number)
    return WorkerPod(
        name=name, namespace="tools", dag_id="example", run_id="run-1", key=key, created=at(created), **given
    )


def one_try(task_id: str = "work", try_number: int = 1, map_index: int = -1, **others: Any) -> TaskInstance:
    """Return a try that succeeded in the pod of `pod`."""
    given: dict[str, Any] = {
        "state": "success",
        "hostname": f"pod-{task_id}-{map_index}-{try_number}",
        "queued": at(0),
        "start": at(2),
        "end": at(8),
        **others,
    }
    return TaskInstance(
        dag_id="example",
        run_id="run-1",
        task_id=task_id,
        map_index=map_index,
        try_number=try_number,
        max_tries=1,
        **given,
    )
