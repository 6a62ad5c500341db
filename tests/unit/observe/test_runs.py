"""Runs: started, looked at from both sides, and left behind never."""

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from harness.observe.recorder import PodRecorder
from harness.observe.runs import Runs
from harness.waiting import WaitTimeoutError

from ..fakes.airflow import FakeAirflow, task_instance
from ..fakes.kubernetes import FakeApiServer, worker_pod


class Scene:
    """An Airflow with one DAG `example`, a cluster, and a recording of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = FakeApiServer()
        self.airflow = FakeAirflow()
        self.airflow.answers["/api/v2/dags/example"] = {}
        self.airflow.answers["/api/v2/dags/example/dagRuns"] = self._run("ignored", "queued")
        self.recorder = PodRecorder(self.server.client(monkeypatch), "tools")
        self.runs = Runs(self.airflow.client(), self.recorder, clock=self.airflow.time.clock)

    def set_run(self, run_id: str, state: str, *items: dict[str, Any]) -> None:
        """Make Airflow tell this of a run."""
        path = f"/api/v2/dags/example/dagRuns/{run_id}"
        self.airflow.answers[path] = self._run(run_id, state)
        self.airflow.answers[f"{path}/taskInstances"] = {"task_instances": list(items), "total_entries": len(items)}

    @staticmethod
    def _run(run_id: str, state: str) -> dict[str, Any]:
        return {"dag_id": "example", "dag_run_id": run_id, "state": state}


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene(monkeypatch)
    with made.recorder:
        yield made


def test_every_run_has_an_id_of_its_own_and_its_own_pods(scene: Scene) -> None:
    first, second = scene.runs.start("example"), scene.runs.start("example")
    assert first.run_id != second.run_id
    scene.server.put("pods", worker_pod("a", phase="Running", run=first.run_id))
    scene.recorder.catch_up()
    assert [pod.name for pod in first.pods] == ["a"]
    assert second.pods == []
    assert first.pod_of("work") == first.pods[0]
    assert first.pod_of("work", try_number=2) is None


def test_unpauses_before_it_triggers(scene: Scene) -> None:
    scene.runs.start("example")
    methods = [request.method for request in scene.airflow.requests if request.url.path != "/auth/token"]
    assert methods == ["PATCH", "POST"]


def test_wait_until_running_asks_both_sides(scene: Scene) -> None:
    run = scene.runs.start("example")
    scene.set_run(run.run_id, "running", task_instance("work", state="queued"))
    scene.server.put("pods", worker_pod("a", phase="Running", run=run.run_id))
    scene.recorder.catch_up()
    with pytest.raises(WaitTimeoutError, match="pod: Running, task: queued"):
        run.wait_until_running("work", timeout_s=2)
    scene.set_run(run.run_id, "running", task_instance("work", state="running"))
    assert run.wait_until_running("work", timeout_s=2).name == "a"


def test_wait_ends_when_run_and_pods_are_over(scene: Scene) -> None:
    run = scene.runs.start("example")
    scene.set_run(run.run_id, "success", task_instance("work"))
    scene.server.put("pods", worker_pod("a", phase="Succeeded", run=run.run_id))
    assert run.wait(timeout_s=5).state == "success"
    assert "work try 1: success" in run.story


def test_run_that_goes_on_is_ended(scene: Scene) -> None:
    run = scene.runs.start("example")
    scene.set_run(run.run_id, "running")
    scene.runs.end_all()
    (ended,) = (request for request in scene.airflow.requests if request.content == b'{"state":"failed"}')
    assert ended.url.path.endswith(run.run_id)


def test_run_of_somebody_else_is_ended_too(scene: Scene) -> None:
    run = scene.runs.adopt("example", "manual__2026")
    scene.set_run(run.run_id, "running")
    scene.runs.end_all()
    assert [request.url.path for request in scene.airflow.requests if request.method == "PATCH"][-1].endswith("__2026")


def test_pod_that_stays_is_named(scene: Scene) -> None:
    run = scene.runs.start("example")
    scene.set_run(run.run_id, "success")
    scene.server.put("pods", worker_pod("a", phase="Running", run=run.run_id))
    with pytest.raises(AssertionError, match="nothing left running"):
        scene.runs.end_all()


def test_trigger_that_failed_leaves_the_run_known(scene: Scene) -> None:
    del scene.airflow.answers["/api/v2/dags/example/dagRuns"]
    with pytest.raises(Exception, match="404"):
        scene.runs.start("example")
    assert len(scene.runs.started) == 1
    scene.airflow.failures = [lambda: httpx.Response(404, json={"detail": "no such run"})]
    scene.runs.end_all()
