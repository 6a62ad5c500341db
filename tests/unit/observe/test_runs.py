"""Runs: started, looked at from both sides, and left behind never."""

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from harness.observe.recorder import PodRecorder
from harness.observe.runs import Run, Runs
from harness.tools.airflow_client import AirflowApiError
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
    first, second = (scene.runs.start("example", logical_date=None) for _ in range(2))
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


def test_run_of_a_paused_dag_is_triggered_all_the_same(scene: Scene) -> None:
    run = scene.runs.start("example", is_paused=True)
    pause, trigger = (one for one in scene.airflow.requests if one.url.path != "/auth/token")
    assert (pause.method, pause.content) == ("PATCH", b'{"is_paused":true}')
    assert run.run_id in trigger.content.decode()


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
    assert "work try 1: success" in run.timeline


def test_wait_rides_out_an_outage_longer_than_a_request(scene: Scene) -> None:
    run = scene.runs.start("example")
    scene.set_run(run.run_id, "success", task_instance("work"))
    scene.airflow.time.at(scene.airflow.time.seconds + 200, lambda: setattr(scene.airflow, "is_down", False))
    scene.airflow.is_down = True
    assert run.wait(timeout_s=300).state == "success"
    (outage,) = scene.recorder.outages
    assert "connection refused" in outage.reason
    assert outage.end is not None
    assert run.look().outages == [outage]


def test_wait_that_ends_in_an_outage_says_so(scene: Scene) -> None:
    run = scene.runs.start("example")
    scene.airflow.is_down = True
    with pytest.raises(WaitTimeoutError, match=r"not reached in 100 s; last seen: .*connection refused") as caught:
        run.wait(timeout_s=100)
    assert caught.value.party == "Airflow"
    (outage,) = scene.recorder.outages
    assert outage.end is None


def test_wait_until_running_rides_out_an_outage(scene: Scene) -> None:
    run = scene.runs.start("example")
    scene.set_run(run.run_id, "running", task_instance("work", state="running"))
    scene.server.put("pods", worker_pod("a", phase="Running", run=run.run_id))
    scene.recorder.catch_up()
    refusal = httpx.Response(503, json={"detail": "starting"})
    scene.airflow.failures = [lambda: refusal, lambda: refusal]
    assert run.wait_until_running("work", timeout_s=60).name == "a"
    assert [bool(outage.end) for outage in scene.recorder.outages] == [True]


def test_answer_that_is_a_refusal_ends_a_wait(scene: Scene) -> None:
    run = scene.runs.start("example")
    scene.airflow.failures = [lambda: httpx.Response(403, json={"detail": "not yours"})]
    with pytest.raises(AirflowApiError, match="403"):
        run.wait(timeout_s=60)
    assert scene.recorder.outages == []


def check_scene(scene: Scene, *names: str, run_state: str = "success", **task: Any) -> Run:
    run = scene.runs.start("example")
    queued = {"queued_when": "2026-11-22T12:00:01Z", "hostname": names[-1] if names else ""}
    scene.set_run(run.run_id, run_state, task_instance("work", **{**queued, **task}))
    for name in names:
        scene.server.put("pods", worker_pod(name, phase="Succeeded", run=run.run_id))
    scene.recorder.catch_up()
    return run


def test_check_passes_a_run_that_was_as_it_should(scene: Scene) -> None:
    check_scene(scene, "a").check({"work": 1})
    assert not [path for path in scene.airflow.paths() if path.endswith("eventLogs")], "asked without a need"


@pytest.mark.parametrize(
    ("tries", "state", "task", "what"),
    [
        (2, "success", {}, "expected: tries {'work': 2}"),
        (1, "success", {"hostname": "b"}, "the try's hostname is its pod's name"),
        (1, "success", {"state": "failed"}, "every task ends in success"),
        (1, "failed", {}, "expected: the run succeeds\nseen: it is failed"),
    ],
)
def test_check_names_what_is_wrong(scene: Scene, tries: int, state: str, task: dict[str, str], what: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_scene(scene, "a", run_state=state, **task).check({"work": tries})
    assert what in str(caught.value)


def test_check_asks_where_a_try_with_several_pods_began(scene: Scene) -> None:
    run = check_scene(scene, "a", "b")
    begun = {"event": "running", "task_id": "work", "map_index": None, "try_number": 1}
    lines = [{**begun, "extra": f'{{"host_name": "{name}"}}'} for name in ("a", "b")]
    scene.airflow.answers["/api/v2/eventLogs"] = {"event_logs": lines, "total_entries": 2}
    run.check({"work": 1})


def test_tries_are_those_that_there_were(scene: Scene) -> None:
    run = check_scene(scene, run_state="running", try_number=0)
    assert (run.tries, [ti.try_number for ti in run.task_instances]) == ([], [0])


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
