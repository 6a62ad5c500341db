"""Following a run: started, looked at every second, and not lost when the API goes away."""

from typing import Any

import httpx2 as httpx
import pytest

from harness.errors import UsageError
from harness.observe.follow import find_dag
from harness.tools.airflow_client import AirflowApiError
from harness.waiting import WaitTimeoutError

from ..fakes.run_scene import DAG_FILE, RunScene


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> RunScene:
    return RunScene(monkeypatch)


def test_run_is_followed_from_trigger_to_end(scene: RunScene) -> None:
    run = scene.start(day="monday")
    scene.set(1, "first", try_number=1, state="running", queued=0, start=1)
    scene.set(3, "first", state="success", end=3)
    scene.end(4, "success")
    last = scene.follow(run)
    assert scene.run.conf == {"day": "monday"}
    assert (last.state, last.seconds, last.is_over) == ("success", 4.0, True)
    assert [snapshot.seconds for snapshot in scene.snapshots] == [0, 1, 2, 3, 4]
    assert [snapshot.tasks[0].state for snapshot in scene.snapshots] == [
        None,
        "running",
        "running",
        "success",
        "success",
    ]


def test_paused_dag_is_unpaused_and_that_is_said_once(scene: RunScene) -> None:
    scene.start()
    assert scene.airflow.unpaused == {"example"}
    assert scene.said == ["DAG example was paused, and its run would not have started: unpaused"]
    scene.time.seconds = 1
    scene.start()
    assert len(scene.said) == 1
    assert len(scene.airflow.dag_runs.runs) == 2


def test_unknown_dag_names_similar_ones_or_those_there_are(scene: RunScene) -> None:
    api = scene.airflow.client()
    with pytest.raises(UsageError, match="Airflow knows no DAG `exmaple`; similar: example"):
        find_dag(api, "exmaple")
    with pytest.raises(UsageError, match="no DAG `zzz`; there are: example"):
        find_dag(api, "zzz")
    scene.airflow.bundle = {}
    with pytest.raises(UsageError, match="there are: none"):
        find_dag(api, "zzz")


def test_run_that_airflow_refuses_is_the_request_s_fault(scene: RunScene) -> None:
    scene.airflow.dag_runs.refusal = "Invalid input for param day"
    with pytest.raises(UsageError, match="answered 400: Invalid input for param day"):
        scene.start()


@pytest.mark.parametrize("has_acted", [True, False])
def test_trigger_without_an_answer_is_looked_for(
    scene: RunScene, has_acted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = scene.airflow.client()
    trigger = api.trigger

    def lose_the_answer(*args: Any, **named: Any) -> None:
        if has_acted:
            trigger(*args, **named)
        raise AirflowApiError("POST", 0, "the line broke")

    monkeypatch.setattr(api, "trigger", lose_the_answer)
    monkeypatch.setattr(scene.airflow, "client", lambda: api)
    if has_acted:
        assert scene.start().run_id == scene.run.run_id
    else:
        with pytest.raises(AirflowApiError, match="the line broke"):
            scene.start()


def test_outage_is_told_waited_out_and_its_end_told(scene: RunScene) -> None:
    run = scene.start()
    scene.said.clear()
    scene.time.at(2, lambda: setattr(scene.airflow, "is_down", True))
    scene.set(3, "first", try_number=1, state="success", start=2, end=3)
    scene.end(50, "success")
    scene.time.at(80, lambda: setattr(scene.airflow, "is_down", False))
    last = scene.follow(run, timeout_s=200)
    assert scene.said == [
        "Airflow does not answer; the run goes on, and is followed again when Airflow is back",
        "Airflow is back",
    ]
    assert (last.state, last.seconds, last.tasks[0].state) == ("success", 50.0, "success")


def test_short_outage_and_a_starting_airflow_are_not_the_end(scene: RunScene) -> None:
    run = scene.start()
    scene.end(3, "success")
    scene.airflow.failures = [lambda: httpx.Response(503, text="not ready")]
    assert scene.follow(run).state == "success"
    assert scene.said[-2:] == [
        "Airflow answers 503; the run goes on, and is followed again when Airflow is back",
        "Airflow is back",
    ]


def test_outage_that_does_not_end_ends_at_the_deadline(scene: RunScene) -> None:
    run = scene.start()
    scene.time.at(2, lambda: setattr(scene.airflow, "is_down", True))
    with pytest.raises(WaitTimeoutError, match=r"not reached in 100 s; last seen: Airflow API: GET .* got no answer"):
        scene.follow(run)
    assert scene.time.seconds < 140


def test_refusal_ends_the_following(scene: RunScene) -> None:
    run = scene.start()
    scene.time.at(2, scene.airflow.dag_runs.runs.clear)
    with pytest.raises(AirflowApiError, match="answered 404"):
        scene.follow(run)


def test_time_out_tells_what_is_not_over(scene: RunScene) -> None:
    run = scene.start()
    scene.set(1, "first", try_number=1, state="running", start=1)
    with pytest.raises(WaitTimeoutError, match="not reached in 10 s; last seen: queued; first running"):
        scene.follow(run, timeout_s=10)


def test_pod_that_outlives_its_run_is_shown_to_its_end(scene: RunScene) -> None:
    run = scene.start()
    scene.set(1, "first", try_number=1, state="success", start=1, end=2)
    scene.pod(1, "p", task="first", phase="Running")
    scene.end(2, "success")
    scene.pod(4, "p", task="first", phase="Succeeded")
    last = scene.follow(run)
    assert (last.seconds, last.tasks[0].tries[0].phase) == (2.0, "Succeeded")
    assert scene.time.seconds == 4


def test_pod_that_never_ends_is_not_waited_for(scene: RunScene) -> None:
    run = scene.start()
    scene.set(1, "first", try_number=1, state="success", start=1, end=2)
    scene.pod(1, "p", task="first", phase="Running")
    scene.end(2, "success")
    assert scene.follow(run).tasks[0].tries[0].phase == "Running"
    assert scene.time.seconds == 7


def test_dags_of_other_files_do_not_matter(scene: RunScene) -> None:
    scene.airflow.parse({"example.py": DAG_FILE, "other.py": DAG_FILE.replace("example", "other")})
    assert find_dag(scene.airflow.client(), "other").dag_id == "other"
