"""A pod of higher priority needs the room of a worker pod, and the Kubernetes scheduler makes it."""

from collections.abc import Iterator
from contextlib import contextmanager

from kubernetes.utils.quantity import parse_quantity  # type: ignore[import-untyped]  # it ships none

from harness import labels
from harness.faults.injection import FaultError
from harness.faults.pods import check_running
from harness.observe.pods import FINAL_PHASES, WorkerPod
from harness.tools import Json
from harness.tools.k8s import Kubernetes
from harness.waiting import CLOCK, Clock, NotYet, wait_until

NAME = "harness-preemptor"
CHOSEN_WITHIN_S = 30.0
REASON = "PreemptionByScheduler"


@contextmanager
def preempt_pod(kubernetes: Kubernetes, pod: WorkerPod, environment: str, *, clock: Clock = CLOCK) -> Iterator[str]:
    """Make a pod of higher priority that has room on the pod's node only without it, and take it away at the end.

    Its request for CPU is all that is free there and what the pod requests. The proof is the pod's DisruptionTarget.
    Raises FaultError when the pod does not run now, and WaitTimeoutError when it is not chosen.
    """
    found = check_running(kubernetes, pod)
    marks = labels.kubernetes_labels(environment)
    request_m = _free_m(kubernetes, pod.node) + _requests_m(found)
    priority = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": NAME, "labels": marks},
        "value": 1_000_000,
    }
    try:
        kubernetes.apply(priority)
        kubernetes.apply(_preemptor(found, marks, request_m))

        def probe() -> str | NotYet:
            target = kubernetes.get("Pod", pod.name, pod.namespace)
            if target is None:
                raise FaultError(f"pod {pod.name} is gone, and nobody saw why")
            reasons = [one.get("reason", "") for one in target["status"].get("conditions", [])]
            return REASON if REASON in reasons else NotYet(f"pod {pod.name}: {target['status']['phase']}")

        reason = wait_until(f"the end of pod {pod.name}", probe, timeout_s=CHOSEN_WITHIN_S, interval_s=0.2, clock=clock)
        yield f"pod {pod.name} ends by {reason} for a pod of {request_m} m CPU"
    finally:
        kubernetes.delete("Pod", NAME, pod.namespace, grace_period_s=0)
        kubernetes.delete("PriorityClass", NAME)


def _preemptor(victim: Json, marks: dict[str, str], request_m: int) -> Json:
    """Return a pod for the victim's node that does nothing, made of the victim's image and security settings."""
    spec, base = victim["spec"], victim["spec"]["containers"][0]
    container: Json = {key: base[key] for key in ("name", "image", "securityContext") if key in base}
    container |= {"command": ["sleep", "600"], "resources": {"requests": {"cpu": f"{request_m}m"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": victim["metadata"]["namespace"], "labels": marks},
        "spec": {
            "priorityClassName": NAME,
            "nodeSelector": {"kubernetes.io/hostname": spec["nodeName"]},
            "tolerations": [{"operator": "Exists"}],
            "securityContext": spec.get("securityContext", {}),
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        },
    }


def _free_m(kubernetes: Kubernetes, node: str) -> int:
    """Return the thousandths of a CPU that no pod of the node requests."""
    found = kubernetes.get("Node", node)
    if found is None:
        raise FaultError(f"there is no node {node}")
    pods = [pod for pod in kubernetes.list("Pod") if pod["spec"].get("nodeName") == node]
    active = [pod for pod in pods if pod["status"]["phase"] not in FINAL_PHASES]
    return _milli(found["status"]["allocatable"]["cpu"]) - sum(map(_requests_m, active))


def _requests_m(pod: Json) -> int:
    requests = [one.get("resources", {}).get("requests", {}) for one in pod.get("spec", {}).get("containers", [])]
    return sum(_milli(request.get("cpu", "0")) for request in requests)


def _milli(cpu: str) -> int:
    return int(parse_quantity(cpu) * 1000)
