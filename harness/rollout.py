"""Waits until a release's workloads are as they should be, and tells what keeps a pod of it from ever starting."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.errors import Verb
from harness.settings import Settings
from harness.steps import Say
from harness.tools import Json
from harness.tools.k8s import Kubernetes, Objects, is_ready
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import CLOCK, Clock, NotYet, Unreachable, not_yet, wait_until

READY_S = 300
# What a container waits for in vain: the kubelet says so at once, and only a change of ours can help.
HOPELESS = {"ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "ErrImagePull", "ImagePullBackOff"}
CRASHES_TOLERATED = 4
UNSCHEDULABLE = timedelta(seconds=60)
# Helm writes the first on all objects of a release but its hooks, which have the second.
RELEASE = "meta.helm.sh/release-name"
HOOK = "helm.sh/hook"
REVISION = "deployment.kubernetes.io/revision"
POD_REVISION = "controller-revision-hash"


@dataclass(frozen=True)
class Availability:
    """Whether a workload is as it should be; `detail` is how many of its pods are ready, or what its Job does."""

    name: str
    detail: str
    is_available: bool
    is_job: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.detail}"


@dataclass(frozen=True)
class Workloads:
    """The workloads of one release, as the API server has them now."""

    deployments: Objects
    stateful_sets: Objects
    jobs: Objects

    def availabilities(self) -> Iterator[Availability]:
        """Yield how each workload is."""
        for item in (*self.deployments, *self.stateful_sets):
            wanted = item["spec"].get("replicas", 1)
            status = item.get("status", {})
            updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
            is_whole = updated >= wanted and ready >= wanted and status.get("replicas", 0) <= wanted
            yield Availability(item["metadata"]["name"], f"{ready}/{wanted}", _is_seen(item) and is_whole)
        for job in self.jobs:
            is_complete = _condition(job, "Complete") is not None
            detail = "complete" if is_complete else "failed" if _condition(job, "Failed") else "runs"
            yield Availability(job["metadata"]["name"], detail, is_complete, is_job=True)

    def not_available(self) -> list[str]:
        """Return one line for each workload that is not as it should be."""
        return [str(found) for found in self.availabilities() if not found.is_available]

    def split_pods(self, kubernetes: Kubernetes, namespace: str) -> tuple[Objects, Objects]:
        """Return the pods of the current revision, and all others: what is wrong with these says nothing of those."""
        revisions = {_uid(item): _annotation(item, REVISION) for item in self.deployments if _is_seen(item)}
        replica_sets = {
            _uid(item)
            for item in kubernetes.list("ReplicaSet", namespace)
            if _owner(item) in revisions and _annotation(item, REVISION) == revisions[_owner(item)]
        }
        stateful_sets = {
            (_uid(item), item["status"].get("updateRevision")) for item in self.stateful_sets if _is_seen(item)
        }
        jobs = {_uid(item) for item in self.jobs}
        pods = kubernetes.list("Pod", namespace)
        current = [
            pod
            for pod in pods
            if _owner(pod) in replica_sets | jobs
            or (_owner(pod), pod["metadata"].get("labels", {}).get(POD_REVISION)) in stateful_sets
        ]
        return current, [pod for pod in pods if pod not in current]


def list_workloads(kubernetes: Kubernetes, settings: Settings) -> Workloads:
    """Return what belongs to the release; others may have workloads in its namespace, too."""

    def own(kind: str) -> Objects:
        items = kubernetes.list(kind, settings.namespace)
        return [item for item in items if _annotation(item, RELEASE) == settings.release]

    return Workloads(own("Deployment"), own("StatefulSet"), own("Job"))


def not_available(kubernetes: Kubernetes, settings: Settings) -> list[str]:
    """Return one line for each workload of the release that is not as it should be."""
    return list_workloads(kubernetes, settings).not_available()


def wait_until_available(kubernetes: Kubernetes, settings: Settings, say: Say, clock: Clock = CLOCK) -> None:
    """Wait until every Deployment, StatefulSet and Job of the release is as it should be.

    Ends early with Unreachable when a Job has failed, or a pod cannot start without a change: an image that is not
    there, a missing key in a Secret, a container that crashes again and again.
    """
    wait_until(
        f"release {settings.release}",
        lambda: _availability(kubernetes, settings, clock),
        timeout_s=READY_S,
        on_change=say,
        next_step=Verb("logs"),
        clock=clock,
    )


def _availability(kubernetes: Kubernetes, settings: Settings, clock: Clock) -> bool | NotYet:
    try:
        workloads = list_workloads(kubernetes, settings)
        problems = workloads.not_available()
        pods, others = workloads.split_pods(kubernetes, settings.namespace) if problems else ([], [])
    except KubernetesError as error:
        return NotYet(str(error).splitlines()[0])
    for pod in pods:
        check_can_start(pod, clock, room_comes=any(map(_is_running, others)))
    for job in workloads.jobs:
        _check_not_failed(job, pods)
    return not_yet(problems) if problems else True


def _check_not_failed(job: Json, pods: Objects) -> None:
    failure = _condition(job, "Failed")
    if failure:
        own = [pod for pod in pods if _owner(pod) == _uid(job)]
        newest = max(own, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)
        raise Unreachable(
            f"Job {job['metadata']['name']} failed: {failure.get('reason', '')}: {failure.get('message', '')}",
            next_step=_logs_of(newest),
        )


def check_can_start(pod: Json, clock: Clock, *, room_comes: bool = False) -> None:
    """Raise Unreachable when the pod cannot start unless something is changed.

    `room_comes` is whether pods that will end still hold room on the nodes: those of a revision before, and workers.
    """
    name = pod["metadata"]["name"]
    status = pod.get("status", {})
    for container in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        waiting = container.get("state", {}).get("waiting") or {}
        crashes = container.get("restartCount", 0)
        if waiting.get("reason") in HOPELESS or (
            waiting.get("reason") == "CrashLoopBackOff" and crashes >= CRASHES_TOLERATED
        ):
            raise Unreachable(
                f"pod {name}, container {container['name']}: {waiting['reason']} after {crashes} restarts: "
                f"{waiting.get('message', '')}",
                next_step=_logs_of(pod),
            )
    for condition in status.get("conditions", []):
        if condition.get("reason") == "Unschedulable" and not is_ready(pod):
            message = condition.get("message", "")
            # A rollout has no room until the old pods are gone, so it must have lasted.
            since = datetime.fromisoformat(condition["lastTransitionTime"])
            if "Insufficient" in message and not room_comes and clock.utc_now() - since > UNSCHEDULABLE:
                raise Unreachable(
                    f"pod {name} does not fit on the nodes: {message}",
                    next_step="lower the requests in the values overlay, or use a bigger machine",
                    party="host",
                )


def watch_hooks(kubernetes: Kubernetes, settings: Settings, say: Say, clock: Clock = CLOCK) -> Callable[[], None]:
    """Return what is called again and again while Helm runs its hooks, which it does in silence.

    It says for which hooks Helm waits, and raises Unreachable when the pod of one cannot start without a change.
    """
    last = ""

    def look() -> None:
        nonlocal last
        try:
            pods = _hook_pods(kubernetes, settings.namespace)
        except KubernetesError:
            return  # Helm itself tells it
        waits = ", ".join(f"{pod['metadata']['name']} ({_state_of(pod)})" for pod in pods)
        if waits and waits != last:
            say(f"Helm waits for its hooks: {waits}")
        last = waits
        for pod in pods:
            check_can_start(pod, clock)

    return look


def _hook_pods(kubernetes: Kubernetes, namespace: str) -> Objects:
    jobs = {_uid(job) for job in kubernetes.list("Job", namespace) if _annotation(job, HOOK)}
    pods = kubernetes.list("Pod", namespace)
    hooks = [pod for pod in pods if _owner(pod) in jobs or _annotation(pod, HOOK)]
    return [pod for pod in hooks if pod.get("status", {}).get("phase") in {"Pending", "Running"}]


def _state_of(pod: Json) -> str:
    status = pod["status"]
    containers = (*status.get("initContainerStatuses", []), *status.get("containerStatuses", []))
    reasons = [(container.get("state", {}).get("waiting") or {}).get("reason") for container in containers]
    return str(next(filter(None, reasons), status["phase"]))


def _is_running(pod: Json) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Running")


def _logs_of(pod: Json | None) -> Verb:
    return Verb(f"logs {pod['metadata']['name']}" if pod else "logs")


def _is_seen(item: Json) -> bool:
    """Tell whether the controller has taken note of the newest specification."""
    return bool(item.get("status", {}).get("observedGeneration", 0) >= item["metadata"]["generation"])


def _condition(item: Json, name: str) -> Json | None:
    conditions: Objects = item.get("status", {}).get("conditions", [])
    return next((found for found in conditions if found["type"] == name and found["status"] == "True"), None)


def _annotation(item: Json, name: str) -> str:
    return str(item["metadata"].get("annotations", {}).get(name, ""))


def _uid(item: Json) -> str:
    return str(item["metadata"]["uid"])


def _owner(item: Json) -> str:
    owners = item["metadata"].get("ownerReferences", [])
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")
