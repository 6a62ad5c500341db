"""A pool: nodes with a label to ask for and a taint that keeps everybody else away, for the length of a block."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from harness.faults.injection import FaultError
from harness.observe.pods import FINAL_PHASES
from harness.tools import Json
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import CLOCK, Clock, NotYet, not_yet, wait_until

MOVED_TIMEOUT_S = 120.0
TAINT_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Pool:
    """A label that is a taint, too: `key=value:NoSchedule`."""

    key: str
    value: str

    @property
    def taint(self) -> Json:
        """Return the taint as a node's spec has it."""
        return {"key": self.key, "value": self.value, "effect": "NoSchedule"}


@contextmanager
def add_to_pool(kubernetes: Kubernetes, node: str, pool: Pool) -> Iterator[str]:
    """Make the node one of the pool, and yield its name; afterwards it has neither the label nor the taint.

    What runs there already goes on.
    """
    try:
        kubernetes.merge("Node", node, "", {"metadata": {"labels": {pool.key: pool.value}}})
        _set_taints(kubernetes, node, lambda taints: [*_without(taints, pool), pool.taint])
        yield node
    finally:
        _set_taints(kubernetes, node, lambda taints: _without(taints, pool))
        kubernetes.merge("Node", node, "", {"metadata": {"labels": {pool.key: None}}})


@contextmanager
def cordon_node(kubernetes: Kubernetes, node: str) -> Iterator[None]:
    """Let nothing be scheduled onto the node for the length of the block."""
    try:
        kubernetes.merge("Node", node, "", {"spec": {"unschedulable": True}})
        yield
    finally:
        kubernetes.merge("Node", node, "", {"spec": {"unschedulable": None}})


def find_spare_worker(kubernetes: Kubernetes) -> str:
    """Return the worker node that no volume is bound to: everything on it can run elsewhere.

    Raises FaultError when there is none.
    """
    bound = {
        value
        for volume in kubernetes.list("PersistentVolume")
        for term in volume["spec"].get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms", [])
        for expression in term.get("matchExpressions", [])
        for value in expression.get("values", [])
    }
    workers: list[str] = sorted(
        node["metadata"]["name"]
        for node in kubernetes.list("Node")
        if "node-role.kubernetes.io/control-plane" not in node["metadata"].get("labels", {})
    )
    spare = [name for name in workers if name not in bound]
    if len(workers) == 1 or not spare:
        raise FaultError(
            f"no worker node can be spared: workers {workers}, nodes with volumes {sorted(bound)}",
            next_step="use an environment that was made with HARNESS_WORKERS=2",
        )
    return spare[0]


def move_components_away(
    kubernetes: Kubernetes,
    node: str,
    namespace: str,
    is_available: Callable[[], bool | NotYet],
    *,
    clock: Clock = CLOCK,
) -> None:
    """Delete Airflow's components on a node that takes no pods, and wait until they are available on another.

    Raises WaitTimeoutError when they are not.
    """
    for pod in list_components_on(kubernetes, node, namespace):
        kubernetes.delete("Pod", pod["metadata"]["name"], namespace, uid=pod["metadata"]["uid"])

    def probe() -> bool | NotYet:
        left = [pod["metadata"]["name"] for pod in list_components_on(kubernetes, node, namespace)]
        return not_yet(left) if left else is_available()

    what = f"Airflow's components away from node {node}"
    wait_until(what, probe, timeout_s=MOVED_TIMEOUT_S, clock=clock)


def list_components_on(kubernetes: Kubernetes, node: str, namespace: str) -> list[Json]:
    """Return the pods on the node that serve Airflow, neither a worker nor a Job that is over."""
    pods = kubernetes.list("Pod", namespace, label_selector="kubernetes_executor!=True")
    return [pod for pod in pods if pod["spec"].get("nodeName") == node and pod["status"]["phase"] not in FINAL_PHASES]


def _set_taints(kubernetes: Kubernetes, node: str, change: Callable[[list[Json]], list[Json]]) -> None:
    """Change the taints, others than ours being kept: the controllers set theirs at any moment, so it may take two."""

    def probe() -> bool | NotYet:
        found = kubernetes.get("Node", node)
        if found is None:
            raise FaultError(f"there is no node {node} to taint")
        metadata = {"resourceVersion": found["metadata"]["resourceVersion"]}
        taints = change(found["spec"].get("taints") or [])
        try:
            kubernetes.merge("Node", node, "", {"metadata": metadata, "spec": {"taints": taints}})
        except KubernetesError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            return NotYet(str(error))
        return True

    wait_until(f"the taints of node {node}", probe, timeout_s=TAINT_TIMEOUT_S, interval_s=0.1)


def _without(taints: list[Json], pool: Pool) -> list[Json]:
    return [taint for taint in taints if taint["key"] != pool.key]
