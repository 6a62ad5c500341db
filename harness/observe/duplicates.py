"""Who is at work at the same time: two pods on one try, which must never be.

Several pods of one try one after the other are legitimate: a task that was deferred or rescheduled comes back in
another pod, and a pod that died before its task started is replaced ([kubernetes_executor] pod_launch_failure_retries).
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from harness.observe.pods import WorkerPod
from harness.tools.airflow_records import TaskKey

FOREVER = datetime.max.replace(tzinfo=UTC)
# A worker that has deferred its task ends when its process has, and on a busy machine the next one may begin by then.
EXIT = timedelta(seconds=10)


def find_duplicates(pods: Iterable[WorkerPod], *, released: Collection[str] = ()) -> list[WorkerPod]:
    """Return the pods of one run whose container started before that of an earlier pod of the same try had ended.

    `released` names pods whose task was deferred or rescheduled: they did no work in the last `EXIT` before their end.
    """
    tries: dict[TaskKey, list[tuple[datetime, datetime, WorkerPod]]] = {}
    for pod in pods:
        starts = [container.started for container in pod.containers if container.started]
        if starts:
            ended = pod.ended or FOREVER
            tries.setdefault(pod.key, []).append((min(starts), ended - EXIT if pod.name in released else ended, pod))
    found = []
    for spans in tries.values():
        end = None
        for start, own_end, pod in sorted(spans, key=lambda span: (span[0], span[2].uid)):
            if end is not None and start < end:
                found.append(pod)
            end = max(end, own_end) if end else own_end
    return found
