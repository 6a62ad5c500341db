"""Faults of the Kubernetes API server."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.command import CommandError
from harness.faults.injection import FaultError
from harness.tools.docker import Docker
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError
from harness.tools.kind import KUBECTL
from harness.waiting import CLOCK, Clock, NotYet, wait_until

PROCESS = "kube-apiserver"
BACK_TIMEOUT_S = 60.0
ASK = (*KUBECTL, "--request-timeout=2s", "get", "--raw", "/readyz")


@contextmanager
def freeze_api_server(docker: Docker, node: str, kubernetes: Kubernetes, *, clock: Clock = CLOCK) -> Iterator[str]:
    """Stop the API server's process on `node`, see that it does not answer, and let it go on at the end.

    Keep it shorter than its liveness probe allows, 80 s: the kubelet needs no API to restart it. Raises FaultError when
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


def _answer(kubernetes: Kubernetes) -> bool | NotYet:
    try:
        kubernetes.list("Node")
    except KubernetesError as error:
        return NotYet(str(error))
    return True
