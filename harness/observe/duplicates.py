"""Who is at work at the same time: two pods on one try, which must never be, and how many tasks at most.

Several pods of one try one after the other are legitimate: a task that was deferred or rescheduled comes back in
another pod, and a pod that died before its task started is replaced ([kubernetes_executor] pod_launch_failure_retries).
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from harness.observe.pods import WorkerPod
from harness.tools.airflow_records import TaskKey

FOREVER = datetime.max.replace(tzinfo=UTC)


def find_duplicates(pods: Iterable[WorkerPod]) -> list[WorkerPod]:
    """Return the pods of one run whose container started before that of an earlier pod of the same try had ended."""
    tries: dict[TaskKey, list[tuple[datetime, datetime, WorkerPod]]] = {}
    for pod in pods:
        starts = [container.started for container in pod.containers if container.started]
        if starts:
            tries.setdefault(pod.key, []).append((min(starts), pod.ended or FOREVER, pod))
    found = []
    for spans in tries.values():
        end = None
        for start, own_end, pod in sorted(spans, key=lambda span: (span[0], span[2].uid)):
            if end is not None and start < end:
                found.append(pod)
            end = max(end, own_end) if end else own_end
    return found
