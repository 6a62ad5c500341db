"""The Kubernetes API refuses one account with 429 Too Many Requests."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count

from harness import labels
from harness.command import CommandError
from harness.tools import Json
from harness.tools.docker import Docker
from harness.tools.k8s import Kubernetes
from harness.tools.kind import KUBECTL
from harness.waiting import CLOCK, Clock, NotYet, wait_until

NAME = "harness-throttle"
REFUSED = "apiserver_flowcontrol_rejected_requests_total"
ACTS_WITHIN_S = 30.0
# A request of the account's own may have the place when ours comes, and then ours is refused: so several are made.
REQUESTS = 4


@contextmanager
def throttle_account(
    docker: Docker,
    node: str,
    kubernetes: Kubernetes,
    *,
    namespace: str,
    account: str,
    environment: str,
    verbs: Sequence[str] = ("*",),
    clock: Clock = CLOCK,
) -> Iterator[str]:
    """Refuse a ServiceAccount's requests for pods with 429, by Priority and Fairness, for at most 50 s, and undo it.

    A level without seats still serves one request when it serves no other (k8s.io/apiserver, queueset.go), so a request
    of ours takes that place: it creates a pod whose manifest never arrives. The API server ends it after a minute.
    The proof is that the API server counts requests that it refuses. Raises WaitTimeoutError when it does not.
    """
    user = f"--as=system:serviceaccount:{namespace}:{account}"
    pods = f"/api/v1/namespaces/{namespace}/pods"
    try:
        asked, before = count(1), _refused(docker, node)
        for manifest in (_level(), _schema(namespace, account, verbs)):
            kubernetes.apply({**manifest, "metadata": {"name": NAME, "labels": labels.kubernetes_labels(environment)}})

        def probe() -> int | NotYet:
            # The first that finds the place free takes it, the others are refused.
            docker.exec_aside(node, *KUBECTL, user, "create", "--raw", f"{pods}?fieldManager={NAME}", "-f", "-")
            is_enough = next(asked) >= REQUESTS
            refused = _refused(docker, node) - before
            return refused if is_enough and refused >= REQUESTS - 1 else NotYet(f"{refused} so far")

        refused = wait_until(f"refused requests of {account}", probe, timeout_s=ACTS_WITHIN_S, clock=clock)
        yield f"the API server has refused {refused} requests of {account}"
    finally:
        kubernetes.delete("FlowSchema", NAME)
        kubernetes.delete("PriorityLevelConfiguration", NAME)
        with suppress(CommandError):  # it also fails where none is left
            docker.exec(node, "pkill", "--full", NAME)


def _level() -> Json:
    limited = {"nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0}
    return {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "PriorityLevelConfiguration",
        "spec": {"type": "Limited", "limited": {**limited, "limitResponse": {"type": "Reject"}}},
    }


def _schema(namespace: str, account: str, verbs: Sequence[str]) -> Json:
    subject = {"kind": "ServiceAccount", "serviceAccount": {"namespace": namespace, "name": account}}
    rule = {"verbs": [*verbs], "apiGroups": [""], "resources": ["pods"], "namespaces": [namespace]}
    return {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "spec": {
            "priorityLevelConfiguration": {"name": NAME},
            "matchingPrecedence": 2,  # 1 is the administrators'
            "rules": [{"subjects": [subject], "resourceRules": [rule]}],
        },
    }


def _refused(docker: Docker, node: str) -> int:
    metrics = docker.exec(node, *KUBECTL, "get", "--raw", "/metrics")
    counts = re.findall(REFUSED + r"\{[^}]*flow_schema=\"" + NAME + r"\"[^}]*\} (\S+)", metrics)
    return sum(int(float(count)) for count in counts)
