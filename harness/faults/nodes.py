"""Faults of nodes: the machine stands still, is lost, or is drained."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from harness.faults.injection import FaultError
from harness.faults.node_pool import cordon_node
from harness.faults.pods import check_running
from harness.host.freezer import unpause
from harness.observe.pods import WORKER_SELECTOR, WorkerPod
from harness.tools import Json
from harness.tools.docker import Docker
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import CLOCK, Clock, NotYet, not_yet, wait_until

# Kubernetes gives a silent node up after 20 s in our own clusters, after 50 s by default; it looks every 5 s.
SILENT_TIMEOUT_S = 90.0
READY_TIMEOUT_S = 120.0
EVICTED_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Nodes:
    """The engine that runs the nodes' containers, and the cluster's view of them."""

    docker: Docker
    kubernetes: Kubernetes
    clock: Clock = CLOCK

    @contextmanager
    def pause(self, node: str) -> Iterator[str]:
        """Let every process of the node stand still; on exit they go on, and the node is Ready.

        Yields when Kubernetes has given the node up. Raises FaultError when its container does not stand still, and
        WaitTimeoutError when the node stays Ready, or does not become so again.
        """
        try:
            self.docker.call("pause", node)
            yield self._silent(node, "paused")
        finally:
            self._unpause(node)
            self._wait_until_ready(node)

    @contextmanager
    def power_off(self, node: str) -> Iterator[str]:
        """Switch the node off, as a power cut does; on exit it is started, and Ready.

        Yields when Kubernetes has given the node up. Raises FaultError when its container goes on, and
        WaitTimeoutError when the node stays Ready, or does not become so again.
        """
        try:
            self.docker.call("kill", "--signal=KILL", node)
            yield self._silent(node, "exited")
        finally:
            self.docker.call("start", node)
            self._wait_until_ready(node)

    @contextmanager
    def drain(self, node: str, victim: WorkerPod) -> Iterator[str]:
        """Cordon the node and evict its worker pods, as `kubectl drain --force` does; on exit pods may come again.

        Raises FaultError when `victim` does not run there, and WaitTimeoutError when a pod stays.
        """
        if check_running(self.kubernetes, victim)["spec"]["nodeName"] != node:
            raise FaultError(f"pod {victim.name} does not run on node {node}: to drain it would be no fault")
        with cordon_node(self.kubernetes, node):
            evicted = self._worker_pods(node, victim.namespace)
            for metadata in evicted:
                self._evict(metadata)
            uids = {metadata["uid"] for metadata in evicted}

            def probe() -> bool | NotYet:
                left = [one["name"] for one in self._worker_pods(node, victim.namespace) if one["uid"] in uids]
                return not_yet(left) if left else True

            wait_until(f"node {node} drained", probe, timeout_s=EVICTED_TIMEOUT_S, interval_s=0.2, clock=self.clock)
            yield f"node {node} is cordoned, {len(evicted)} of its worker pods evicted, {victim.name} among them"

    def _silent(self, node: str, state: str) -> str:
        found = self.docker.inspect(node)["State"]["Status"]
        if found != state:
            raise FaultError(f"the container of node {node} is {found}, not {state}")

        def probe() -> str | NotYet:
            ready = self._ready(node)
            return NotYet("Ready") if ready["status"] == "True" else str(ready["reason"])

        reason = wait_until(
            f"node {node} given up", probe, timeout_s=SILENT_TIMEOUT_S, interval_s=0.2, clock=self.clock
        )
        return f"the container of node {node} is {state}, and Kubernetes calls the node {reason}"

    def _unpause(self, node: str) -> None:
        if self.docker.inspect(node)["State"]["Status"] == "paused":
            unpause(self.docker, node)

    def _wait_until_ready(self, node: str) -> None:
        def probe() -> bool | NotYet:
            state = self.docker.inspect(node)["State"]["Status"]
            if state != "running":
                return NotYet(f"its container is {state}")
            ready = self._ready(node)
            return True if ready["status"] == "True" else NotYet(f"Ready: {ready['status']}, {ready['reason']}")

        wait_until(f"node {node} Ready", probe, timeout_s=READY_TIMEOUT_S, clock=self.clock)

    def _ready(self, node: str) -> Json:
        found = self.kubernetes.get("Node", node)
        conditions = found["status"]["conditions"] if found else []
        ready: Json = next((one for one in conditions if one["type"] == "Ready"), {"status": "", "reason": "absent"})
        return ready

    def _worker_pods(self, node: str, namespace: str) -> list[Json]:
        """Return the metadata of the worker pods on the node that are not over."""
        pods = self.kubernetes.list("Pod", namespace, label_selector=WORKER_SELECTOR)
        return [
            pod["metadata"]
            for pod in pods
            if pod["spec"].get("nodeName") == node and pod["status"]["phase"] in {"Pending", "Running"}
        ]

    def _evict(self, metadata: Json) -> None:
        try:
            self.kubernetes.evict(metadata["name"], metadata["namespace"], uid=metadata["uid"])
        except KubernetesError as error:
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                raise  # gone by itself is as good
