"""Which troubles of a release end the waiting for it, and which are not its own."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.rollout import not_available, wait_until_available, watch_hooks
from harness.settings import Settings
from harness.tools import Json
from harness.tools.k8s import Kubernetes
from harness.waiting import Unreachable, WaitTimeoutError

from .fakes.clock import FakeTime
from .fakes.kubernetes import FakeApiServer, Response
from .samples import settings_of

REVISION = "deployment.kubernetes.io/revision"
STUCK = {"state": {"waiting": {"reason": "ErrImageNeverPull", "message": "why"}}}
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {
    "conditions": [
        {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "it has reached the limit"}
    ]
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path)


def named(name: str, *, owner: str = "", release: str = "", **annotations: str) -> Json:
    """Return metadata; an object's UID is its name in capitals."""
    metadata: Json = {"name": name, "namespace": "tools", "uid": name.upper(), "generation": 2}
    metadata["creationTimestamp"] = "2026-11-22T12:00:00Z"
    notes = {"meta.helm.sh/release-name": release} if release else {}
    metadata["annotations"] = notes | annotations
    if owner:
        metadata["ownerReferences"] = [{"uid": owner.upper(), "controller": True}]
    return metadata


def workload(name: str, *, ready: int = 1, release: str = "airflow", revision: str = "1", **status: Any) -> Json:
    numbers = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": ready, **status}
    metadata = named(name, release=release, **{REVISION: revision})
    return {"metadata": metadata, "spec": {"replicas": 1}, "status": numbers}


def job(name: str, *, release: str = "airflow", status: Json | None = None, **annotations: str) -> Json:
    return {"metadata": named(name, release=release, **annotations), "status": status or {"active": 1}}


def replica_set(name: str, owner: str, revision: str = "1") -> Json:
    return {"metadata": named(name, owner=owner, **{REVISION: revision})}


def pod(name: str, owner: str, container: Json | None = None, **others: Any) -> Json:
    state = {"name": "main", "restartCount": 0, **(container or {})}
    status = {"phase": "Pending", "containerStatuses": [state]}
    return {"metadata": {**named(name, owner=owner), **others}, "status": status}


def waiting(reason: str, restarts: int = 0) -> Json:
    return {"restartCount": restarts, "state": {"waiting": {"reason": reason, "message": "why"}}}


@pytest.fixture
def scheduler(server: FakeApiServer) -> Callable[[Json], None]:
    """Return what gives the Deployment `scheduler`, which is not available, a pod with this container."""

    def put(container: Json) -> None:
        server.put("deployments", workload("scheduler", ready=0))
        server.put("replicasets", replica_set("scheduler-1", "scheduler"))
        server.put("pods", pod("scheduler-1-a", "scheduler-1", container))

    return put


def test_waits_for_every_workload_and_says_for_which(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings, time: FakeTime
) -> None:
    server.put("deployments", workload("scheduler", ready=0))
    server.put("deployments", workload("new-spec", observedGeneration=1))
    server.put("deployments", workload("rolling", replicas=2))
    server.put("statefulsets", workload("postgresql"))
    server.put("jobs", job("migrate"))
    with pytest.raises(
        WaitTimeoutError, match="last seen: 4 to go: scheduler 0/1, new-spec 1/1, rolling 1/1, migrate runs"
    ):
        wait_until_available(kubernetes, settings, str, time.clock)
    assert 290 < time.seconds <= 300


def test_available_and_a_broken_connection_is_waited_out(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings, time: FakeTime
) -> None:
    server.put("deployments", workload("scheduler"))
    server.put("jobs", job("migrate", status=COMPLETE))
    server.refusals = [Response(500, b"etcd leader changed")]
    said: list[str] = []
    wait_until_available(kubernetes, settings, said.append, time.clock)
    assert time.seconds == 0.5
    assert "etcd leader changed" in said[0]


@pytest.mark.parametrize(
    ("container", "words"),
    [
        (waiting("ErrImageNeverPull"), "ErrImageNeverPull after 0"),
        (waiting("ImagePullBackOff"), "ImagePullBackOff after 0"),
        (waiting("CreateContainerConfigError"), "CreateContainerConfigError after 0"),  # a Secret lacks a key
        (waiting("CrashLoopBackOff", 4), "CrashLoopBackOff after 4"),
    ],
)
def test_pod_that_cannot_start_ends_the_wait_at_once(
    kubernetes: Kubernetes,
    scheduler: Callable[[Json], None],
    settings: Settings,
    container: Json,
    words: str,
) -> None:
    scheduler(container)
    time = FakeTime()
    with pytest.raises(Unreachable, match=f"pod scheduler-1-a, container main: {words} restarts: why") as caught:
        wait_until_available(kubernetes, settings, str, time.clock)
    assert caught.value.next_step == "harness logs scheduler-1-a"
    assert time.seconds == 0


def test_init_container_that_cannot_start_ends_it_too(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings, time: FakeTime
) -> None:
    server.put("jobs", job("migrate"))
    stuck = pod("migrate-a", "migrate")
    stuck["status"] = {"phase": "Pending", "initContainerStatuses": [{"name": "wait", **STUCK}]}
    server.put("pods", stuck)
    with pytest.raises(Unreachable, match="pod migrate-a, container wait: ErrImageNeverPull"):
        wait_until_available(kubernetes, settings, str, time.clock)


@pytest.mark.parametrize("container", [waiting("ContainerCreating"), waiting("CrashLoopBackOff", 3), {}])
def test_pod_that_may_still_start_is_waited_for(
    kubernetes: Kubernetes, scheduler: Callable[[Json], None], settings: Settings, time: FakeTime, container: Json
) -> None:
    scheduler(container)
    with pytest.raises(WaitTimeoutError):
        wait_until_available(kubernetes, settings, str, time.clock)
    assert time.seconds > 290


def test_pod_of_the_revision_before_does_not_end_the_wait(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings, time: FakeTime
) -> None:
    server.put("deployments", workload("scheduler", ready=0, revision="2"))
    server.put("replicasets", replica_set("scheduler-1", "scheduler", "1"))
    server.put("replicasets", replica_set("scheduler-2", "scheduler", "2"))
    server.put("pods", pod("scheduler-1-a", "scheduler-1", STUCK))
    server.put("pods", pod("scheduler-2-a", "scheduler-2", waiting("ContainerCreating")))
    time.at(30, lambda: server.put("deployments", workload("scheduler", revision="2")))
    wait_until_available(kubernetes, settings, str, time.clock)
    assert time.seconds == 30


def test_stateful_set_s_old_pod_does_not_end_the_wait(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings, time: FakeTime
) -> None:
    def put(revision: str) -> None:
        labels = {"controller-revision-hash": revision}
        server.put("pods", pod("postgresql-0", "postgresql", STUCK, labels=labels))

    server.put("statefulsets", workload("postgresql", ready=0, updateRevision="new"))
    put("old")
    time.at(30, lambda: put("new"))
    with pytest.raises(Unreachable, match="pod postgresql-0"):
        wait_until_available(kubernetes, settings, str, time.clock)
    assert time.seconds == 30


def test_change_that_no_controller_has_seen_is_waited_for(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings, time: FakeTime
) -> None:
    server.put("deployments", workload("scheduler", observedGeneration=1))
    server.put("replicasets", replica_set("scheduler-1", "scheduler"))
    server.put("pods", pod("scheduler-1-a", "scheduler-1", STUCK))
    with pytest.raises(WaitTimeoutError):
        wait_until_available(kubernetes, settings, str, time.clock)


@pytest.mark.parametrize("release", ["", "another"])
def test_what_is_not_the_release_s_is_not_waited_for(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings, time: FakeTime, release: str
) -> None:
    server.put("deployments", workload("web", ready=0, release=release))
    server.put("statefulsets", workload("cache", ready=0, release=release))
    server.put("jobs", job("nightly", release=release, status=FAILED))
    server.put("jobs", job("long", release=release))
    server.put("pods", pod("work", "", STUCK))  # a task's
    server.put("pods", pod("nightly-a", "nightly", STUCK))
    wait_until_available(kubernetes, settings, str, time.clock)
    assert not_available(kubernetes, settings) == []


def test_failed_job_of_the_release_ends_the_wait_with_its_reason(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings, time: FakeTime
) -> None:
    server.put("jobs", job("migrate", status=FAILED))
    for name, second in (("migrate-b", 9), ("migrate-a", 1)):
        server.put("pods", pod(name, "migrate", creationTimestamp=f"2026-11-22T12:00:0{second}Z"))
    assert not_available(kubernetes, settings) == ["migrate failed"]
    with pytest.raises(Unreachable, match="Job migrate failed: BackoffLimitExceeded: it has reached") as caught:
        wait_until_available(kubernetes, settings, str, time.clock)
    assert caught.value.next_step == "harness logs migrate-b"
    assert time.seconds == 0


def test_failed_job_whose_pods_are_gone_is_told(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings, time: FakeTime
) -> None:
    server.put("jobs", job("migrate", status=FAILED))
    with pytest.raises(Unreachable, match="Job migrate failed") as caught:
        wait_until_available(kubernetes, settings, str, time.clock)
    assert caught.value.next_step == "harness logs"


def put_unschedulable(server: FakeApiServer, time: FakeTime, lasted_s: int) -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient memory.",
        "lastTransitionTime": (time.utc_now() - timedelta(seconds=lasted_s)).isoformat(),
    }
    server.put("statefulsets", workload("postgresql", ready=0, updateRevision="new"))
    labels = {"controller-revision-hash": "new"}
    metadata = {**named("postgresql-0", owner="postgresql"), "labels": labels}
    server.put("pods", {"metadata": metadata, "status": {"conditions": [condition]}})


@pytest.mark.parametrize(("lasted_s", "ends"), [(61, True), (0, False)])
def test_pod_that_does_not_fit_ends_the_wait_after_a_minute(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings, time: FakeTime, lasted_s: int, *, ends: bool
) -> None:
    put_unschedulable(server, time, lasted_s)
    with pytest.raises(Unreachable, match=r"does not fit on the nodes: .*Insufficient memory"):
        wait_until_available(kubernetes, settings, str, time.clock)
    assert (time.seconds == 0) is ends


def test_pod_waits_for_the_room_of_those_that_will_end(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings, time: FakeTime
) -> None:
    put_unschedulable(server, time, 61)
    worker = {"metadata": named("worker"), "status": {"phase": "Running"}}
    server.put("pods", worker)
    time.at(100, lambda: server.put("pods", worker | {"status": {"phase": "Succeeded"}}))
    with pytest.raises(Unreachable, match="does not fit on the nodes"):
        wait_until_available(kubernetes, settings, str, time.clock)
    assert 100 <= time.seconds <= 105


def test_hooks_that_helm_waits_for_are_said_once_each(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings
) -> None:
    hook: dict[str, Any] = {"helm.sh/hook": "post-install"}
    said: list[str] = []
    look = watch_hooks(kubernetes, settings, said.append)
    look()
    server.put("jobs", job("migrate", release="", **hook))
    server.put("pods", pod("migrate-a", "migrate", waiting("ContainerCreating")))
    server.put("pods", pod("other", "", waiting("ContainerCreating")))
    look()
    look()
    running = pod("migrate-a", "migrate")
    running["status"]["phase"] = "Running"
    server.put("pods", running)
    look()
    running["status"]["phase"] = "Succeeded"
    server.put("pods", running)
    look()
    server.refusals = [Response(500, b"etcd leader changed")]
    look()
    assert said == [
        "Helm waits for its hooks: migrate-a (ContainerCreating)",
        "Helm waits for its hooks: migrate-a (Running)",
    ]


def test_hook_that_cannot_start_ends_it_with_the_cause(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings
) -> None:
    bare = pod("check", "", waiting("ImagePullBackOff"))
    bare["metadata"]["annotations"]["helm.sh/hook"] = "pre-install"
    server.put("pods", bare)
    with pytest.raises(Unreachable, match="pod check, container main: ImagePullBackOff") as caught:
        watch_hooks(kubernetes, settings, str)()
    assert caught.value.next_step == "harness logs check"
