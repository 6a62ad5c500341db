"""What stops, pauses and brings back an environment that stays as it is, step by step."""

from collections.abc import Iterator

from harness import release, rollout
from harness.cluster import READY_S
from harness.errors import UsageError, Verb
from harness.gate.gate import list_gates, remove_gates
from harness.nodes import STOPPED, list_nodes, pause_nodes, rest_of, stop_nodes, wake_nodes
from harness.parts import Parts
from harness.steps import Say, Step
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import NotYet, not_yet, wait_until

SECONDS = len("2026-01-01T00:00:00")  # the engine writes nanoseconds, Kubernetes none


def check_awake(parts: Parts) -> None:
    """Raise UsageError with the verb that brings the nodes back when they are stopped or paused."""
    rest = rest_of(list_nodes(parts.docker, parts.settings))
    if rest:
        raise UsageError(f"environment `{parts.settings.name}` is {rest.state}", next_step=Verb(rest.verb))


def stop_steps(parts: Parts) -> Iterator[Step]:
    """Yield what ends all processes of an environment; its nodes, with all that is on them, stay."""
    docker, name = parts.docker, parts.settings.name
    yield Step("gate", lambda: not list_gates(docker, name), lambda _: remove_gates(docker, name))
    yield Step("nodes", lambda: _are(parts, STOPPED), lambda _: stop_nodes(docker, parts.settings))


def start_steps(parts: Parts) -> Iterator[Step]:
    """Yield what brings stopped or paused nodes back, and sees Airflow healthy on them."""
    yield Step("nodes", lambda: _are(parts, {"running"}), lambda say: wake_nodes(parts.docker, parts.settings, say))
    # Until its kubelet has looked, the API server tells what was true before the node stopped.
    yield Step(
        "pods begun again", lambda: not _list_outdated_pods(parts), lambda say: _wait_until_pods_began(parts, say)
    )
    yield ready_step(parts)
    yield from health_steps(parts)


def pause_steps(parts: Parts) -> Iterator[Step]:
    """Yield what makes every process of an environment stand still; raises UsageError when it is stopped."""
    docker, settings = parts.docker, parts.settings
    if not _are(parts, {"paused", "running"}):  # both: a pause that was interrupted, which this one finishes
        check_awake(parts)
    yield Step("nodes", lambda: _are(parts, {"paused"}), lambda _: pause_nodes(docker, settings))


def resume_steps(parts: Parts) -> Iterator[Step]:
    """Yield what lets paused nodes go on, and sees Airflow answer; raises UsageError when they are stopped."""
    if not _are(parts, {"paused", "running"}):
        check_awake(parts)
    yield Step("nodes", lambda: _are(parts, {"running"}), lambda say: wake_nodes(parts.docker, parts.settings, say))
    yield Step("airflow answers", None, lambda _: parts.airflow.health())


def ready_step(parts: Parts) -> Step:
    """Return the wait for the nodes, the system's pods and the cluster's DNS."""
    return Step("cluster ready", lambda: not parts.cluster.list_problems(), parts.cluster.wait_until_ready)


def health_steps(parts: Parts) -> Iterator[Step]:
    """Yield the waits for all of the release, and for what Airflow says of itself."""
    settings = parts.settings
    yield Step(
        "airflow available",
        lambda: not rollout.not_available(parts.kubernetes, settings),
        lambda say: rollout.wait_until_available(parts.kubernetes, settings, say, parts.clock),
    )
    yield Step("login", None, lambda say: release.wait_until_it_serves(parts.airflow, settings, say, parts.clock))


def _are(parts: Parts, states: set[str]) -> bool:
    return set(list_nodes(parts.docker, parts.settings).values()) <= states


def _list_outdated_pods(parts: Parts) -> list[str]:
    """Return the pods whose state is that of before their node was started."""
    try:
        pods = parts.kubernetes.list("Pod")
    except KubernetesError as error:
        return [str(error).splitlines()[0]]
    nodes = parts.cluster.node_names
    began = {node: parts.docker.inspect(node)["State"]["StartedAt"][:SECONDS] for node in nodes}
    return [
        pod["metadata"]["name"]
        for pod in pods
        for container in pod["status"].get("containerStatuses", [])
        if pod["status"].get("phase") == "Running"
        and container["state"].get("running", {}).get("startedAt", "9") < began.get(pod["spec"].get("nodeName"), "")
    ]


def _wait_until_pods_began(parts: Parts, say: Say) -> None:
    """Wait until each pod that runs was begun since its node was started."""

    def probe() -> bool | NotYet:
        outdated = _list_outdated_pods(parts)
        return not_yet(outdated) if outdated else True

    what = f"the pods of cluster {parts.cluster.name}"
    wait_until(what, probe, timeout_s=READY_S, on_change=say, party="cluster", clock=parts.clock)
