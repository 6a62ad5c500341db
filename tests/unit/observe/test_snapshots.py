"""Snapshots: tasks in the order of the DAG, each try beside its own pod."""

import pytest

from harness.observe.snapshots import RunSnapshot

from ..fakes.run_scene import RunScene


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> RunScene:
    return RunScene(monkeypatch)


def last(scene: RunScene, *, seconds: float = 20) -> RunSnapshot:
    run = scene.start()
    scene.end(seconds, "success")
    return scene.follow(run)


def test_tasks_come_after_those_they_depend_on(scene: RunScene) -> None:
    scene.airflow.dag_runs.tasks["example"] = {"a_last": [], "m": ["a_last"], "z_first": ["m"]}
    assert [task.task_id for task in last(scene).tasks] == ["z_first", "m", "a_last"]


def test_try_is_joined_with_its_pod(scene: RunScene) -> None:
    scene.pod(2, "pod-1", task="first", phase="Running")
    scene.set(1, "first", try_number=1, state="queued", queued=1)
    scene.set(3, "first", state="running", start=3)
    scene.set(9.5, "first", state="success", end=9.5)
    one = last(scene).tasks[0].tries[0]
    assert (one.number, one.state, one.queued_s, one.running_s) == (1, "success", 2.0, 6.5)
    assert (one.pod, one.node, one.phase, one.reason) == ("pod-1", "node-1", "Running", "")
    queued = scene.snapshots[2].tasks[0].tries[0]
    assert (queued.state, queued.queued_s, queued.running_s) == ("queued", 1.0, None)


def test_retry_in_a_second_pod_leaves_the_first_try_as_it_was(scene: RunScene) -> None:
    scene.pod(0, "pod-1", task="first", phase="Failed")
    scene.set(1, "first", try_number=1, state="up_for_retry", start=0, end=1)
    scene.set(5, "first", try_number=2, state="running", start=5)
    scene.pod(5, "pod-2", task="first", try_number=2, phase="Succeeded")
    scene.set(8, "first", state="success", end=8)
    task = last(scene).tasks[0]
    assert [(one.number, one.state, one.pod) for one in task.tries] == [
        (1, "up_for_retry", "pod-1"),
        (2, "success", "pod-2"),
    ]
    assert task.state == "success"
    asked = [path for path in scene.airflow.paths() if path.endswith("/tries")]
    assert len(asked) == 1


def test_mapped_tasks_have_pods_of_their_own(scene: RunScene) -> None:
    for index in range(3):
        scene.pod(1, f"pod-{index}", task="first", map_index=index, phase="Succeeded")
        scene.set(1, "first", index, try_number=1, state="success", start=0, end=index)
    tasks = [task for task in last(scene).tasks if task.map_index >= 0]
    assert [(task.label, task.tries[0].pod) for task in tasks] == [
        ("first[0]", "pod-0"),
        ("first[1]", "pod-1"),
        ("first[2]", "pod-2"),
    ]


def test_reason_of_a_pod_that_cannot_start_is_there(scene: RunScene) -> None:
    run = scene.start()
    pod = {"containerStatuses": [{"name": "base", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}
    scene.set(0, "first", try_number=1, state="queued", queued=0)

    def fail_to_pull() -> None:
        scene.pod(0, "pod-1", task="first")
        scene.time.clock.sleep(0)
        item = scene.server.objects["pods", "tools", "pod-1"]
        scene.server.put("pods", {**item, "status": {"phase": "Pending", **pod}})

    scene.time.at(1, fail_to_pull)
    scene.end(3, "failed")
    one = scene.follow(run).tasks[0].tries[0]
    assert (one.phase, one.reason) == ("Pending", "ImagePullBackOff")


def test_pod_that_was_taken_away_is_called_deleted(scene: RunScene) -> None:
    scene.pod(1, "pod-1", task="first", phase="Running")
    scene.set(1, "first", try_number=1, state="running", start=1)
    scene.time.at(3, lambda: scene.server.remove("pods", "tools", "pod-1"))
    assert last(scene).tasks[0].tries[0].phase == "Deleted"


def test_recording_s_end_is_told_once_and_the_run_still_followed(scene: RunScene) -> None:
    scene.pod(1, "pod-1", task="first", phase="Succeeded")
    scene.set(1, "first", try_number=1, state="success", start=0, end=1)
    scene.time.at(3, lambda: scene.recorder.end_early("the API server is away"))
    snapshot = last(scene)
    assert snapshot.tasks[0].tries[0].pod == "pod-1"
    told = [text for text in scene.said if "without its pods" in text]
    assert len(told) == 1
    assert "the API server is away" in told[0]


def test_task_whose_turn_has_not_come_has_no_try(scene: RunScene) -> None:
    scene.set(1, "first", state="upstream_failed")
    tasks = last(scene).tasks
    assert [(task.state, task.tries) for task in tasks] == [("upstream_failed", ()), (None, ())]
