"""A namespace that is full: no further pod is admitted."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness import labels
from harness.observe.pods import FINAL_PHASES
from harness.tools.k8s import Kubernetes
from harness.waiting import CLOCK, Clock, NotYet, wait_until

NAME = "harness-full"
COUNTED_S = 30.0


@contextmanager
def exhaust_quota(kubernetes: Kubernetes, namespace: str, environment: str, *, clock: Clock = CLOCK) -> Iterator[str]:
    """Set a ResourceQuota of as many pods as there are, see that it is used up, and take it away at the end.

    Raises WaitTimeoutError when Kubernetes does not count the pods.
    """
    active = [pod for pod in kubernetes.list("Pod", namespace) if pod["status"]["phase"] not in FINAL_PHASES]
    count = str(len(active))
    metadata = {"name": NAME, "namespace": namespace, "labels": labels.kubernetes_labels(environment)}
    try:
        kubernetes.apply(
            {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": count}}}
        )

        def probe() -> bool | NotYet:
            quota = kubernetes.get("ResourceQuota", NAME, namespace) or {}
            used = quota.get("status", {}).get("used", {}).get("pods")
            return True if used == count else NotYet(f"{used} of {count} pods counted")

        wait_until(f"the quota of {namespace} used up", probe, timeout_s=COUNTED_S, interval_s=0.2, clock=clock)
        yield f"{count} of {count} pods of the quota are used"
    finally:
        kubernetes.delete("ResourceQuota", NAME, namespace)
