"""Reading Pod objects."""

from datetime import UTC, datetime

from harness.observe.pods import ContainerStatus, next_version, parse_pod
from harness.tools.airflow_records import TaskKey

from ..fakes.kubernetes import worker_pod
from .samples import at


def test_identity_is_read_from_the_annotations() -> None:
    pod = parse_pod(worker_pod("a", task="work", map_index=3, try_number=2, run="manual__2026+00:00"), at(0))
    assert (pod.dag_id, pod.run_id, pod.key) == ("example", "manual__2026+00:00", TaskKey("work", 3, 2))
    assert (pod.uid, pod.name, pod.node) == ("uid-of-a", "a", "node-1")
    assert pod.created == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert str(pod.key) == "work[3] try 2"


def test_task_that_is_not_mapped_has_index_minus_one() -> None:
    assert str(parse_pod(worker_pod("a"), at(0)).key) == "work try 1"


def test_container_states() -> None:
    raw = worker_pod("a", phase="Failed")
    raw["status"]["reason"] = "Evicted"
    raw["status"]["containerStatuses"] = [
        {
            "name": "base",
            "state": {
                "terminated": {
                    "exitCode": 137,
                    "reason": "OOMKilled",
                    "startedAt": "2026-11-22T12:00:01Z",
                    "finishedAt": "2026-11-22T12:00:09Z",
                }
            },
        },
        {"name": "new", "state": {}},
    ]
    pod = parse_pod(raw, at(0))
    assert pod.containers == (
        ContainerStatus("base", "terminated", "OOMKilled", 137, at(1), at(9)),
        ContainerStatus("new", "waiting"),
    )
    assert (pod.reason, pod.ended, pod.is_over) == ("Evicted", at(9), True)


def test_pod_that_no_node_takes_says_so() -> None:
    raw = worker_pod("a")
    raw["status"]["conditions"] = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
    assert parse_pod(raw, at(0)).reason == "Unschedulable"
    raw["status"]["conditions"][0]["status"] = "True"
    assert parse_pod(raw, at(1)).reason == ""


def test_versions_add_up_to_the_phases() -> None:
    versions = [
        parse_pod(worker_pod("a", phase=phase), at(n)) for n, phase in enumerate(["Pending", "Pending", "Running"])
    ]
    pod = next_version(next_version(next_version(None, versions[0]), versions[1]), versions[2])
    assert [(change.phase, change.seen) for change in pod.phases] == [("Pending", at(0)), ("Running", at(2))]
    assert pod.phase == "Running"
    assert not pod.is_over


def test_deletion_is_known_from_the_request_on() -> None:
    raw = worker_pod("a", phase="Running")
    raw["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:05Z"
    pod = parse_pod(raw, at(0))
    assert pod.deletion_requested == at(5)
    assert not pod.is_over
    assert pod.ended is None


def test_pod_without_status_or_annotations_is_read_too() -> None:
    raw = {"metadata": {**worker_pod("a")["metadata"], "annotations": {}}}
    pod = parse_pod(raw, at(0))
    assert (pod.phase, pod.key.try_number, pod.dag_id) == ("Unknown", 0, "")
