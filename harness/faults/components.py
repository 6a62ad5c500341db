"""Faults of Airflow's own components."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from harness import labels
from harness.faults.injection import FaultError
from harness.tools.k8s import Kubernetes, Objects, is_ready
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import CLOCK, Clock, NotYet, wait_until

GONE_TIMEOUT_S = 90.0
BACK_TIMEOUT_S = 150.0


@contextmanager
def delete_component(
    kubernetes: Kubernetes,
    namespace: str,
    component: str,
    *,
    by_force: bool,
    label: str = labels.COMPONENT,
    clock: Clock = CLOCK,
) -> Iterator[str]:
    """Delete the component's pod, with or without its grace, see that it is gone, and at the end wait for the next one.

    `label` is the one by which a chart tells its components apart, `component` its value.
    `by_force` is `kubectl delete --grace-period=0 --force`: the process gets no SIGTERM that it could act on.
    Raises FaultError when there is not one pod, and WaitTimeoutError when it stays or does not come back.
    """
    find = partial(list_component_pods, kubernetes, namespace, component, label)
    pods = find()
    if len(pods) != 1:
        raise FaultError(f"{len(pods)} pods of {component} in {namespace}: this fault wants the one there is")
    name, uid = pods[0]["metadata"]["name"], pods[0]["metadata"]["uid"]
    kubernetes.delete("Pod", name, namespace, grace_period_s=0 if by_force else None, uid=uid)

    def probe() -> bool | NotYet:
        uids = {pod["metadata"]["uid"] for pod in find()}
        return NotYet("it is still there") if uid in uids else True

    try:
        wait_until(f"pod {name} gone", probe, timeout_s=GONE_TIMEOUT_S, interval_s=0.2, clock=clock)
        yield f"pod {name} with UID {uid} is gone"
    finally:
        _wait_until_back(find, component, uid, clock)


@contextmanager
def scale_to_zero(
    kubernetes: Kubernetes,
    namespace: str,
    component: str,
    *,
    label: str = labels.COMPONENT,
    clock: Clock = CLOCK,
) -> Iterator[str]:
    """Scale the component's Deployment to nothing, see its pods gone, and at the end scale it back and see it ready.

    `label` is the one by which a chart tells its components apart, `component` its value.
    Raises FaultError when there is not one such Deployment with a pod.
    """
    find = partial(list_component_pods, kubernetes, namespace, component, label)
    deployments = kubernetes.list("Deployment", namespace, label_selector=f"{label}={component}")
    if len(deployments) != 1 or not find():
        raise FaultError(f"{len(deployments)} Deployments of {component} in {namespace}: one with a pod is wanted")
    name, replicas = deployments[0]["metadata"]["name"], deployments[0]["spec"]["replicas"]

    def gone() -> bool | NotYet:
        left = [pod["metadata"]["name"] for pod in find()]
        return NotYet(f"{', '.join(left)} is there") if left else True

    try:
        kubernetes.merge("Deployment", name, namespace, {"spec": {"replicas": 0}})
        wait_until(f"no pod of {component}", gone, timeout_s=GONE_TIMEOUT_S, interval_s=0.2, clock=clock)
        yield f"Deployment {name} is scaled to 0 and has no pod"
    finally:
        kubernetes.merge("Deployment", name, namespace, {"spec": {"replicas": replicas}})
        _wait_until_back(find, component, "", clock)


def list_component_pods(
    kubernetes: Kubernetes, namespace: str, component: str, label: str = labels.COMPONENT
) -> Objects:
    """Return the pods of one component, such as `scheduler`."""
    return kubernetes.list("Pod", namespace, label_selector=f"{label}={component}")


def _wait_until_back(find: Callable[[], Objects], component: str, gone: str, clock: Clock) -> None:
    def probe() -> bool | NotYet:
        try:
            pods = find()
        except KubernetesError as error:
            if not error.is_away:
                raise
            return NotYet(str(error))
        left = {pod["metadata"]["uid"] for pod in pods} == {gone} or not pods
        return NotYet("there is no other pod") if left else all(map(is_ready, pods)) or NotYet("it is not ready")

    wait_until(f"the next pod of {component}", probe, timeout_s=BACK_TIMEOUT_S, clock=clock)
