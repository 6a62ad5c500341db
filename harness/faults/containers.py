"""Faults of a worker pod's container, done by signals from its node, past Kubernetes and Airflow."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.command import CommandError
from harness.faults.injection import FaultError
from harness.faults.pods import check_running
from harness.observe.pods import WorkerPod
from harness.tools.docker import Docker
from harness.tools.k8s import Kubernetes
from harness.waiting import CLOCK, Clock, NotYet, wait_until

ACTS_TIMEOUT_S = 30.0
STATE = "State:"
STOPPED = "T"
CTR = ("ctr", "--namespace=k8s.io")
# A process may be gone before its turn comes: the others must have the signal nonetheless.
SIGNAL_ALL = 'signal=$1; shift; for pid in "$@"; do kill -s "$signal" "$pid" 2>/dev/null; done; true'
STATES = 'for pid in "$@"; do grep -h ^State: "/proc/$pid/status" 2>/dev/null; done; true'


@contextmanager
def kill_container(docker: Docker, kubernetes: Kubernetes, pod: WorkerPod, *, clock: Clock = CLOCK) -> Iterator[str]:
    """Kill all processes of a running worker pod's container, and see them gone.

    There is nothing to undo: the executor makes another pod. Raises FaultError when the pod does not run now, and
    WaitTimeoutError when its processes live on.
    """
    container = _container(kubernetes, pod)
    pids = _pids(docker, pod.node, container)
    _signal(docker, pod.node, "KILL", pids)

    def probe() -> bool | NotYet:
        left = _states(docker, pod.node, pids)
        return NotYet(f"{len(left)} processes are left") if left else True

    wait_until(f"the processes of pod {pod.name} gone", probe, timeout_s=ACTS_TIMEOUT_S, interval_s=0.2, clock=clock)
    yield f"{len(pids)} processes of pod {pod.name} ran, and are gone"


@contextmanager
def hang_container(docker: Docker, kubernetes: Kubernetes, pod: WorkerPod, *, clock: Clock = CLOCK) -> Iterator[str]:
    """Stop all processes of a running worker pod's container for the length of the block, then let them go on.

    Raises FaultError when the pod does not run now, and WaitTimeoutError when its processes do not stop or go on.
    """
    container = _container(kubernetes, pod)
    pids = _pids(docker, pod.node, container)
    try:
        _signal(docker, pod.node, "STOP", pids)
        _wait_for_states(docker, pod, pids, are_stopped=True, clock=clock)
        yield f"{len(pids)} processes of pod {pod.name} ran, and are stopped"
    finally:
        _signal(docker, pod.node, "CONT", pids)
        _wait_for_states(docker, pod, pids, are_stopped=False, clock=clock)


def _wait_for_states(docker: Docker, pod: WorkerPod, pids: list[str], *, are_stopped: bool, clock: Clock) -> None:
    def probe() -> bool | NotYet:
        states = _states(docker, pod.node, pids)
        wrong = [state for state in states if (state == STOPPED) != are_stopped]
        if wrong or (are_stopped and not states):
            return NotYet(f"states: {' '.join(states) or 'no process is left'}")
        return True

    what = f"the processes of pod {pod.name} {'stopped' if are_stopped else 'going on'}"
    wait_until(what, probe, timeout_s=ACTS_TIMEOUT_S, interval_s=0.2, clock=clock)


def _container(kubernetes: Kubernetes, pod: WorkerPod) -> str:
    statuses = check_running(kubernetes, pod)["status"].get("containerStatuses") or [{}]
    container = str(statuses[0].get("containerID", "")).removeprefix("containerd://")
    if not container:
        raise FaultError(f"pod {pod.namespace}/{pod.name} has no container to harm")
    return container


def _pids(docker: Docker, node: str, container: str) -> list[str]:
    """Return the ids that the container's processes have on the node, those of the first to start first."""
    try:
        lines = docker.exec(node, *CTR, "tasks", "ps", container).splitlines()[1:]
    except CommandError as error:
        raise FaultError(f"the container {container} has no processes on {node}: {error}") from None
    return [line.split()[0] for line in lines]


def _signal(docker: Docker, node: str, signal: str, pids: list[str]) -> None:
    docker.exec(node, "sh", "-c", SIGNAL_ALL, "sh", signal, *pids)


def _states(docker: Docker, node: str, pids: list[str]) -> list[str]:
    """Return the one-letter state of each of the processes that is left and is no zombie."""
    lines = docker.exec(node, "sh", "-c", STATES, "sh", *pids).splitlines()
    states = [line.removeprefix(STATE).split()[0] for line in lines]
    return [state for state in states if state not in {"Z", "X"}]
