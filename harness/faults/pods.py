"""Faults of worker pods."""

from harness.errors import HarnessError
from harness.tools.k8s import Kubernetes
from harness.waiting import CLOCK, Clock, NotYet, wait_until

GONE_TIMEOUT_S = 30.0


class FaultError(HarnessError):
    """A fault did not act, so what a test saw after it proves nothing."""


def force_delete_pod(
    kubernetes: Kubernetes,
    *,
    namespace: str,
    name: str,
    uid: str,
    clock: Clock = CLOCK,
) -> None:
    """Delete a running pod without grace, as `kubectl delete --grace-period=0 --force`, and see that it is gone.

    The UID makes sure that no other pod of that name is hit. Raises FaultError when the pod does not run now, and
    WaitTimeoutError when it stays.
    """
    pod = kubernetes.get("Pod", name, namespace)
    if pod is None or pod["metadata"]["uid"] != uid:
        raise FaultError(f"there is no pod {namespace}/{name} with UID {uid} to delete")
    phase = pod["status"]["phase"]
    if phase != "Running" or "deletionTimestamp" in pod["metadata"]:
        raise FaultError(f"pod {namespace}/{name} is {phase} and not running on, so its deletion would be no fault")
    if not kubernetes.delete("Pod", name, namespace, grace_period_s=0, uid=uid):
        raise FaultError(f"pod {namespace}/{name} went by itself before it could be deleted")

    def probe() -> bool | NotYet:
        left = kubernetes.get("Pod", name, namespace)
        return NotYet("it is still there") if left and left["metadata"]["uid"] == uid else True

    wait_until(f"pod {namespace}/{name} gone", probe, timeout_s=GONE_TIMEOUT_S, interval_s=0.1, clock=clock)
