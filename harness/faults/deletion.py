"""Faults of worker pods that Kubernetes is asked to end in order: deletion with grace, and eviction."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.faults.injection import FaultError
from harness.faults.pods import check_running
from harness.observe.pods import WorkerPod
from harness.tools.k8s import Kubernetes


@contextmanager
def delete_pod(kubernetes: Kubernetes, pod: WorkerPod, *, grace_period_s: int) -> Iterator[str]:
    """Delete a running pod with so many seconds of grace, and see that its deletion is asked for.

    There is nothing to undo. Raises FaultError when the pod does not run now.
    """
    check_running(kubernetes, pod)
    kubernetes.delete("Pod", pod.name, pod.namespace, grace_period_s=grace_period_s, uid=pod.uid)
    yield _proof(kubernetes, pod)


@contextmanager
def evict_pod(kubernetes: Kubernetes, pod: WorkerPod, *, grace_period_s: int) -> Iterator[str]:
    """Evict a running pod by the Eviction API, as `kubectl drain` does, and see that its deletion is asked for.

    There is nothing to undo. Raises FaultError when the pod does not run now, and KubernetesError when a
    PodDisruptionBudget forbids it.
    """
    check_running(kubernetes, pod)
    kubernetes.evict(pod.name, pod.namespace, grace_period_s=grace_period_s, uid=pod.uid)
    yield _proof(kubernetes, pod)


def _proof(kubernetes: Kubernetes, pod: WorkerPod) -> str:
    left = kubernetes.get("Pod", pod.name, pod.namespace)
    if left is None or left["metadata"]["uid"] != pod.uid:
        return f"pod {pod.name} ran, and its object is gone"
    if "deletionTimestamp" not in left["metadata"]:
        raise FaultError(f"pod {pod.namespace}/{pod.name} runs on as if nobody had asked for its end")
    return f"pod {pod.name} ran, and is to end at {left['metadata']['deletionTimestamp']}"
