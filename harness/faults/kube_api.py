"""Faults of the Kubernetes API server."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from harness import labels
from harness.command import CommandError
from harness.faults.ledger import FaultError
from harness.tools.docker import Docker
from harness.tools.k8s import Json, Kubernetes, KubernetesError
from harness.waiting import CLOCK, Clock, NotYet, wait_until

PROCESS = "kube-apiserver"
BACK_TIMEOUT_S = 60.0
KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf")
ASK = (*KUBECTL, "--request-timeout=2s", "get", "--raw", "/readyz")
THROTTLE = "harness-throttle"
REFUSED = "apiserver_flowcontrol_rejected_requests_total"


@contextmanager
def api_frozen(docker: Docker, node: str, kubernetes: Kubernetes, *, clock: Clock = CLOCK) -> Iterator[str]:
    """Stop the API server's process on `node`, see that it does not answer, and let it go on at the end.

    Keep it below its liveness probe's patience, 80 s: the kubelet needs no API to restart it. Raises FaultError when
    it answers all the same, and WaitTimeoutError when it does not answer afterwards.
    """
    docker.exec(node, "pkill", "-STOP", "--exact", PROCESS)
    try:
        try:
            docker.exec(node, *ASK)
        except CommandError as error:
            yield f"{PROCESS} is stopped: {str(error).splitlines()[-1]}"
        else:
            raise FaultError(f"{PROCESS} on {node} answers although its process is stopped")
    finally:
        docker.exec(node, "pkill", "-CONT", "--exact", PROCESS)
        wait_until("the Kubernetes API", lambda: _answer(kubernetes), timeout_s=BACK_TIMEOUT_S, clock=clock)


@contextmanager
def account_throttled(
    docker: Docker,
    node: str,
    kubernetes: Kubernetes,
    *,
    namespace: str,
    account: str,
    environment: str,
    clock: Clock = CLOCK,
) -> Iterator[str]:
    """Refuse each request of a ServiceAccount with 429 Too Many Requests, by Priority and Fairness, and undo it.

    The proof is that the API server's own counter of refused requests goes up when it is asked in the account's name.
    Raises WaitTimeoutError when it does not.
    """
    subject = {"kind": "ServiceAccount", "serviceAccount": {"namespace": namespace, "name": account}}
    rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True}
    marks = labels.kubernetes_labels(environment)
    level: Json = {
        "kind": "PriorityLevelConfiguration",
        "spec": {
            "type": "Limited",
            "limited": {"nominalConcurrencyShares": 0, "lendablePercent": 0, "limitResponse": {"type": "Reject"}},
        },
    }
    level["spec"]["limited"]["borrowingLimitPercent"] = 0
    schema: Json = {
        "kind": "FlowSchema",
        "spec": {
            "priorityLevelConfiguration": {"name": THROTTLE},
            "matchingPrecedence": 2,
            "rules": [{"subjects": [subject], "resourceRules": [rule]}],
        },
    }
    try:
        before = _refused(docker, node)
        for manifest in (level, schema):
            metadata = {"name": THROTTLE, "labels": marks}
            kubernetes.apply({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "metadata": metadata, **manifest})

        def probe() -> int | NotYet:
            _ask_as(docker, node, f"system:serviceaccount:{namespace}:{account}")
            return _refused(docker, node) - before or NotYet("none so far")

        count = wait_until(f"refused requests of {account}", probe, timeout_s=BACK_TIMEOUT_S, clock=clock)
        yield f"the API server has refused {count} requests of {account}"
    finally:
        kubernetes.delete("FlowSchema", THROTTLE)
        kubernetes.delete("PriorityLevelConfiguration", THROTTLE)


def _ask_as(docker: Docker, node: str, user: str) -> None:
    with suppress(CommandError):  # kubectl tries again and again until its time is over; the counter tells
        docker.exec(node, *KUBECTL, "--request-timeout=2s", f"--as={user}", "get", "--raw", "/api/v1/pods")


def _refused(docker: Docker, node: str) -> int:
    metrics = docker.exec(node, *KUBECTL, "get", "--raw", "/metrics")
    counts = re.findall(REFUSED + r"\{[^}]*flow_schema=\"" + THROTTLE + r"\"[^}]*\} (\S+)", metrics)
    return sum(int(float(count)) for count in counts)


def _answer(kubernetes: Kubernetes) -> bool | NotYet:
    try:
        kubernetes.list("Node")
    except KubernetesError as error:
        return NotYet(str(error))
    return True
