"""Faults of worker pods."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.faults.injection import FaultError
from harness.observe.pods import WorkerPod
from harness.tools import Json
from harness.tools.k8s import Kubernetes
from harness.waiting import CLOCK, Clock, NotYet, wait_until

GONE_TIMEOUT_S = 30.0


@contextmanager
def force_delete_pod(kubernetes: Kubernetes, pod: WorkerPod, *, clock: Clock = CLOCK) -> Iterator[str]:
    """Delete a running pod without grace, as `kubectl delete --grace-period=0 --force`, and see that it is gone.

    The UID makes sure that no other pod of that name is hit. There is nothing to undo: the executor makes another pod.
    Raises FaultError when the pod does not run now, and WaitTimeoutError when it stays.
    """
    check_running(kubernetes, pod)
    if not kubernetes.delete("Pod", pod.name, pod.namespace, grace_period_s=0, uid=pod.uid):
        raise FaultError(f"pod {pod.namespace}/{pod.name} went by itself before it could be deleted")

    def probe() -> bool | NotYet:
        left = kubernetes.get("Pod", pod.name, pod.namespace)
        return NotYet("it is still there") if left and left["metadata"]["uid"] == pod.uid else True

    wait_until(f"pod {pod.namespace}/{pod.name} gone", probe, timeout_s=GONE_TIMEOUT_S, interval_s=0.1, clock=clock)
    yield f"pod {pod.name} ran, and its object is gone"


def check_running(kubernetes: Kubernetes, pod: WorkerPod) -> Json:
    """Return the pod's object; raises FaultError unless it runs now, with no deletion asked for."""
    found = kubernetes.get("Pod", pod.name, pod.namespace)
    if found is None or found["metadata"]["uid"] != pod.uid:
        raise FaultError(f"there is no pod {pod.namespace}/{pod.name} with UID {pod.uid} to harm")
    phase = found["status"]["phase"]
    if phase != "Running" or "deletionTimestamp" in found["metadata"]:
        raise FaultError(f"pod {pod.namespace}/{pod.name} is {phase} and not running on: harming it would be no fault")
    return found
