"""Evidence: all there is, without secrets, whatever is missing."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.observe.evidence import collect
from harness.observe.recorder import PodRecorder
from harness.observe.runs import Run
from harness.waiting import NotYet, wait_until

from ..fakes.airflow import FakeAirflow, task_instance
from ..fakes.kubernetes import FakeApiServer, Response, worker_pod

TOKEN = "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ0YXNrIn0.c2lnbmF0dXJl"  # noqa: S105 - of nothing
RUN = "/api/v2/dags/example/dagRuns/run-1"


def run_of(run_id: str) -> Run:
    airflow: Any = None
    return Run("example", run_id, airflow, airflow)


@pytest.fixture
def server() -> FakeApiServer:
    made = FakeApiServer()
    pod = worker_pod("a", phase="Running")
    pod["metadata"]["managedFields"] = [{"manager": "long"}]
    pod["spec"]["containers"] = [{"name": "base", "args": [f'{{"token": "{TOKEN}"}}']}]
    pod["status"]["containerStatuses"] = [{"name": "base", "restartCount": 1}]
    made.put("pods", pod)
    made.logs["a"] = "the value is long-and-secret-1, in postgres"
    values = {name: base64.b64encode(name.encode()).decode() for name in ("long-and-secret-1", "postgres")}
    made.put("secrets", {"metadata": {"name": "s", "namespace": "tools"}, "data": values})
    event = {"type": "Warning", "reason": "BackOff", "message": "again", "involvedObject": {"kind": "Pod", "name": "a"}}
    made.put("events", {"metadata": {"name": "e", "namespace": "tools"}, "lastTimestamp": "12:00", **event})
    return made


def test_saves_objects_events_and_logs_without_secrets(
    server: FakeApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = collect(server.client(monkeypatch), None, tmp_path / "deep" / "evidence", namespace="tools")
    assert (folder / "tools/events.txt").read_text() == "12:00 Warning BackOff Pod/a: again"
    text = (folder / "tools/pods.yaml").read_text()
    assert TOKEN not in text
    (pod,) = yaml.safe_load_all(text)
    assert pod["metadata"]["name"] == "a"
    assert "managedFields" not in pod["metadata"]
    assert (folder / "tools/logs/a/base.log").read_text() == "the value is ***, in postgres"
    assert (folder / "tools/logs/a/base.previous.log").exists()
    index = (folder / "index.txt").read_text()
    assert "tools/pods.yaml\n" in index
    assert "MISSING airflow/" in index
    assert not list(folder.rglob("*secret*"))


def test_saves_what_airflow_says_of_the_runs(
    server: FakeApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    airflow = FakeAirflow()
    airflow.import_errors = [{"filename": "a.py", "bundle_name": "dags", "stack_trace": "NameError: x"}]
    work = task_instance("work", map_index=2)
    airflow.answers[f"{RUN}/taskInstances"] = {"task_instances": [work], "total_entries": 1}
    airflow.answers[f"{RUN}/taskInstances/work/logs/1"] = {"content": [f"token={TOKEN}"]}
    folder = collect(server.client(monkeypatch), airflow.client(), tmp_path, namespace="tools", runs=[run_of("run-1")])
    assert (folder / "airflow/import_errors.txt").read_text() == "dags/a.py\nNameError: x"
    run = folder / "airflow/runs/example/run-1"
    assert "task_id='work'" in (run / "tries.txt").read_text()
    assert (run / "work[2].1.log").read_text() == "token=***"
    assert "MISSING airflow/health.txt" in (folder / "index.txt").read_text()


def test_airflow_that_does_not_answer_is_asked_one_thing_only(
    server: FakeApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    airflow = FakeAirflow()
    airflow.is_down = True
    runs = [run_of(f"run-{number}") for number in range(9)]
    folder = collect(server.client(monkeypatch), airflow.client(), tmp_path, namespace="tools", runs=runs)
    assert "MISSING airflow/: " in (folder / "index.txt").read_text()
    assert set(airflow.paths()) == {"/api/v2/version"}


def test_saves_what_the_recorder_has_of_pods_that_are_gone(
    server: FakeApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kubernetes = server.client(monkeypatch)
    pod = worker_pod("gone", phase="Running")
    state = {"running": {"startedAt": "2026-11-22T12:00:03Z"}}
    pod["status"]["containerStatuses"] = [{"name": "base", "state": state}]
    server.logs["gone"] = "2026-11-22T12:00:04Z its last words"
    about = {"kind": "Pod", "name": "gone", "uid": "uid-of-gone"}
    seen = {"reason": "Started", "message": "it runs", "type": "Normal", "lastTimestamp": "2026-11-22T12:00:03Z"}
    server.put("events", {"metadata": {"name": "e2", "namespace": "tools"}, "involvedObject": about, **seen})
    server.put("pods", pod)
    server.remove("events", "tools", "e")
    with PodRecorder(kubernetes, "tools") as recorder:
        wait_until(
            "the recording",
            lambda: (recorder.log("uid-of-gone") and recorder.events("uid-of-gone")) or NotYet(""),
            timeout_s=5,
            interval_s=0.01,
        )
        server.remove("pods", "tools", "gone")
    collect(kubernetes, None, tmp_path, namespace="tools", runs=[run_of("run-1")], recorder=recorder)
    folder = tmp_path / "recorded/example/run-1/gone"
    assert (folder / "base.log").read_text() == "its last words"
    assert (folder / "events.txt").read_text() == "2026-11-22T12:00:03+00:00 Normal Started pod/gone: it runs"
    assert (tmp_path / "recorded/example/run-1/a/events.txt").read_text() == ""


def test_what_is_missing_is_noted_and_ends_nothing(
    server: FakeApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kubernetes = server.client(monkeypatch)
    server.refusals = [Response(500, b"etcd is away")] * 4
    index = (collect(kubernetes, None, tmp_path, namespace="tools") / "index.txt").read_text()
    assert index.count("etcd is away") == 4
    assert "nodes.yaml\n" in index
