"""`harness dags run` and `dags watch`, as a person types them: what is printed, and the exit codes."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import cli
from harness.cli import dags_commands
from harness.delivery.live import Delivery
from harness.delivery.target import Change
from harness.parts import Outside, Parts

from ..fakes.airflow import PASSWORD
from ..fakes.run_scene import RunScene, StepRecorder
from ..samples import DOCKER

Run = Callable[..., tuple[int, str, str]]
NONE: frozenset[str] = frozenset()


@pytest.fixture(autouse=True)
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunScene:
    """Return a scene that the command line works on, with the fake clock."""
    made = RunScene(monkeypatch)
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n")
    (tmp_path / "dags").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("harness.cli.signal.signal", lambda *_: None)
    made.server.put("namespaces", {"metadata": {"name": "tools"}})
    login = {"username": "admin", "password": PASSWORD, "email": "admin@example.org"}
    made.server.put("secrets", {"metadata": {"name": "airflow-ui-creds", "namespace": "tools"}, "stringData": login})
    monkeypatch.setattr(dags_commands, "PodRecorder", lambda *_: nullcontext(made.recorder))  # it needs no thread
    return made


@pytest.fixture
def outside(scene: RunScene) -> Outside:
    return Outside(
        clock=scene.time.clock,
        find_docker=lambda: DOCKER,
        connect=lambda _: scene.recorder._kubernetes,
        open_airflow=lambda *_: scene.airflow.client(),
    )


@pytest.fixture
def harness(outside: Outside, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a command line and returns code, output and errors."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["harness", *words])
        code: Any = 0
        try:
            cli.main(outside)
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def succeed(scene: RunScene, after: float = 0) -> None:
    scene.set(after + 1, "first", try_number=1, state="success", start=after, end=after + 1)
    scene.pod(after + 1, f"pod-{after}", task="first", phase="Succeeded")
    scene.set(after + 2, "then", try_number=1, state="success", start=after + 1, end=after + 2)
    scene.end(after + 3, "success")


def test_run_that_succeeds_is_0_and_its_last_line_says_so(harness: Run, scene: RunScene) -> None:
    succeed(scene)
    code, out, err = harness("dags", "run", "example", "--conf", '{"day": 1}')
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "DAG example was paused, and its run would not have started: unpaused",
        "    0.0 s  run: queued",
        "    1.0 s  first try 1: success (pod-0)",
        "    2.0 s  then try 1: success",
        f"run {scene.run.run_id} of DAG example: success in 3.0 s (2 tasks)",
    ]
    assert scene.run.conf == {"day": 1}


def test_run_that_fails_is_1(harness: Run, scene: RunScene) -> None:
    scene.set(1, "first", try_number=1, state="failed", start=0, end=1)
    scene.end(2, "failed")
    code, out, _ = harness("dags", "run", "example")
    assert code == 1
    assert out.splitlines()[-1].endswith("of DAG example: failed in 2.0 s (1 of 2 tasks failed, 1 waiting)")


def test_values_of_the_tasks_secret_are_masked_in_logs(harness: Run, scene: RunScene) -> None:
    metadata = {"name": "airflow-variables", "namespace": "tools"}
    scene.server.put("secrets", {"metadata": metadata, "stringData": {"NOTE": "first canary\nsecond canary"}})
    scene.set(1, "first", try_number=1, state="failed", start=0, end=1)
    scene.end(2, "failed")
    entries = ["it is first canary", "and second canary", "bye"]
    scene.time.at(1, lambda: scene.run.logs.__setitem__(("first", -1, 1), entries))
    _, out, _ = harness("dags", "run", "example")
    assert "  it is ***\n  and ***\n  bye\n" in out


def test_json_is_one_document_and_the_rest_is_aside(harness: Run, scene: RunScene) -> None:
    succeed(scene)
    code, out, err = harness("dags", "run", "example", "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["state"], document["seconds"], document["run_id"]) == ("success", 3.0, scene.run.run_id)
    assert document["tasks"][0] == {
        "task_id": "first",
        "map_index": -1,
        "label": "first",
        "state": "success",
        "tries": [
            {
                "number": 1,
                "state": "success",
                "queued_s": None,
                "running_s": 1.0,
                "pod": "pod-0",
                "node": "node-1",
                "phase": "Succeeded",
                "reason": "",
            }
        ],
    }
    assert "unpaused" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["exampel"], "error: Airflow knows no DAG `exampel`; similar: example\n"),
        (["example", "--conf", "[1]"], "error: --conf is JSON, but no object: [1]\n"),
        (["example", "--conf", "{day"], "error: --conf is not JSON: "),
        (["example", "--conf", '{"n": NaN}'], "error: --conf is not JSON: NaN is no number of JSON\n"),
        (["example", "--logical-date", "soon"], "error: --logical-date is no date: "),
    ],
)
def test_bad_request_is_2_and_starts_nothing(harness: Run, scene: RunScene, words: list[str], message: str) -> None:
    code, out, err = harness("dags", "run", *words)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert scene.airflow.dag_runs.runs == {}


def test_time_out_is_1_and_says_where_the_run_goes_on(harness: Run, scene: RunScene) -> None:
    code, _, err = harness("dags", "run", "example", "--timeout", "5")
    run_id = scene.run.run_id
    assert code == 1
    assert f"the end of run {run_id} of DAG example: not reached in 5 s" in err
    assert (
        f"next:  it goes on; see it, or end it by marking it failed: http://127.0.0.1:8080/dags/example/runs/{run_id}"
        in err
    )


def interrupt() -> None:
    raise KeyboardInterrupt


def test_interrupt_is_130_and_says_that_the_run_goes_on(harness: Run, scene: RunScene) -> None:
    scene.time.at(2, interrupt)
    code, _, err = harness("dags", "run", "example")
    run_id = scene.run.run_id
    assert code == 130
    assert err.splitlines() == [
        f"interrupted: run {run_id} of DAG example goes on",
        f"next:  see it, or end it by marking it failed: http://127.0.0.1:8080/dags/example/runs/{run_id}",
    ]
    assert scene.run.state == "queued"


def test_run_is_of_the_present_or_of_the_date_that_is_given(harness: Run, scene: RunScene) -> None:
    for words, expected in (
        ([], scene.now().isoformat()),
        (["--logical-date", "2026-01-31"], "2026-01-31T00:00:00+00:00"),
        (["--logical-date", "none"], None),
    ):
        harness("dags", "run", "example", *words, "--timeout", "0")
        assert scene.run.logical_date == expected


def test_second_run_of_a_logical_date_is_2_and_says_so(harness: Run, scene: RunScene) -> None:
    words = ("dags", "run", "example", "--timeout", "0", "--logical-date", "2026-01-31")
    harness(*words)
    code, out, err = harness(*words)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "error: DAG example has a run of the logical date 2026-01-31T00:00:00+00:00, and may have but one",
        "next:  give another --logical-date, or `none`",
    ]
    assert len(scene.airflow.dag_runs.runs) == 1


class Folder:
    """Saves that a test makes; the end of them is Ctrl-C."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[frozenset[str]] = [NONE]
        monkeypatch.setattr(dags_commands, "read_saves", lambda *_: self._saves())
        delivery = Delivery(Change(changed=("a.py",)), 2.4, changed_dags=1)
        monkeypatch.setattr(Parts, "dags", SimpleNamespace(sync=lambda: delivery))

    def _saves(self) -> Iterator[frozenset[str]]:
        while self.batches:
            yield self.batches.pop(0)
        raise KeyboardInterrupt


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Folder:
    return Folder(monkeypatch)


def lines(text: str) -> list[str]:
    """Return the lines without the time that some begin with."""
    return [line[9:] if line[2:3] == ":" else line for line in text.splitlines()]


def test_watch_says_one_line_a_save_and_ends_with_0(harness: Run, folder: Folder, tmp_path: Path) -> None:
    folder.batches += [NONE, frozenset({"hello.py"})]
    code, out, err = harness("dags", "watch")
    assert (code, err) == (0, "")
    assert lines(out) == [
        f"watching {tmp_path}/dags; Ctrl-C ends it",
        "live: 1 DAG changed in 2.4 s",
        "live: 1 DAG changed in 2.4 s (hello.py)",
        "",
        "ended; what was live stays live",
    ]


def test_watch_with_trigger_runs_the_dag_and_shows_its_logs(harness: Run, scene: RunScene, folder: Folder) -> None:
    folder.batches += [NONE] * 3
    succeed(scene)
    scene.time.at(1, lambda: scene.run.logs.update({("first", -1, 1): ["hello from the pod"]}))
    code, out, _ = harness("dags", "watch", "--trigger", "example", "--conf", '{"a": 1}')
    assert code == 0
    assert "first | hello from the pod" in lines(out)
    assert f"run {scene.run.run_id} of DAG example: success in 3.0 s (2 tasks)" in lines(out)
    assert scene.run.conf == {"a": 1}


def test_save_during_a_run_leaves_it_and_starts_the_next(harness: Run, scene: RunScene, folder: Folder) -> None:
    folder.batches += [NONE, frozenset({"hello.py"}), *[NONE] * 6]
    scene.time.at(1, lambda: succeed(scene, after=2))
    code, out, _ = harness("dags", "watch", "--trigger", "example")
    first, second = scene.airflow.dag_runs.runs.values()
    assert code == 0
    assert f"a save came in; run {first.run_id} goes on without being shown" in lines(out)
    assert "live: 1 DAG changed in 2.4 s (hello.py)" in lines(out)
    assert (first.state, second.state) == ("queued", "success")
    assert f"run {second.run_id} of DAG example: success" in out


def test_recording_begins_anew_after_an_outage_that_ended_it(
    harness: Run, scene: RunScene, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[StepRecorder] = []

    def record(*_: object) -> Any:
        made.append(StepRecorder(scene.recorder._kubernetes, "tools", now=scene.now))
        return nullcontext(made[-1])

    monkeypatch.setattr(dags_commands, "PodRecorder", record)
    folder.batches += [NONE, frozenset({"a.py"}), NONE, frozenset({"b.py"})]
    scene.time.at(2, lambda: made[0].end_early("away"))
    harness("dags", "watch", "--trigger", "example")
    assert len(scene.airflow.dag_runs.runs) == 3
    assert len(made) == 2


def test_interrupt_in_a_run_ends_the_watch_and_not_the_run(
    harness: Run, scene: RunScene, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    @contextmanager
    def record(*_: object) -> Iterator[StepRecorder]:
        yield scene.recorder
        ended.append("recording")

    monkeypatch.setattr(dags_commands, "PodRecorder", record)
    folder.batches += [NONE] * 3
    scene.time.at(2, interrupt)
    code, out, err = harness("dags", "watch", "--trigger", "example")
    assert (code, err) == (0, "")
    assert f"run {scene.run.run_id} goes on; see it, or end it by marking it failed: http://" in out
    assert ended == ["recording"]
    assert lines(out)[-1] == "ended; what was live stays live"


def test_watch_of_a_dag_that_is_not_there_says_so_and_goes_on(harness: Run, folder: Folder) -> None:
    folder.batches += [frozenset({"hello.py"})]
    code, out, _ = harness("dags", "watch", "--trigger", "nobody")
    assert code == 0
    assert "synced, and then failed" in lines(out)
    assert "         Airflow knows no DAG `nobody`; there are: example" in out.splitlines()
    assert "live: 1 DAG changed in 2.4 s (hello.py)" in lines(out)


@pytest.mark.usefixtures("folder")
def test_watch_of_no_folder_is_2(harness: Run, tmp_path: Path) -> None:
    (tmp_path / "dags").rmdir()
    code, _, err = harness("dags", "watch")
    assert code == 2
    assert f"the DAG folder {tmp_path}/dags is not there" in err
