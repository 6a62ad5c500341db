"""A run to follow: Airflow, a cluster and a clock, and what the scheduler does at which second."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.observe.follow import follow, start_run
from harness.observe.pods import WorkerPod
from harness.observe.recorder import PodRecorder
from harness.observe.runs import Run
from harness.observe.snapshots import RunSnapshot

from ..observe.samples import NOON
from .airflow import FakeAirflow
from .dag_runs import FakeRun
from .kubernetes import FakeApiServer, worker_pod

DAG_FILE = "from airflow.sdk import DAG\nDAG('example')\n"


class StepRecorder(PodRecorder):
    """A recorder that looks when it is asked, so that a test needs no thread."""

    def pods(self, **chosen: str) -> list[WorkerPod]:
        """Look, and return what was seen."""
        if not self.has_ended_early:
            self._pod_follower.list_now()
        return super().pods(**chosen)

    def end_early(self, why: str) -> None:
        """Give up, as a recorder does when the API server stays away."""
        self._pod_follower.error = HarnessError(why)


class RunScene:
    """DAG `example` with the tasks `first` and, below it, `then`; the times are those of the fake clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.airflow = FakeAirflow()
        self.airflow.parse({"example.py": DAG_FILE})
        self.airflow.dag_runs.tasks["example"] = {"then": [], "first": ["then"]}
        self.time = self.airflow.time
        self.server = FakeApiServer()
        self.recorder = StepRecorder(self.server.client(monkeypatch), "tools", now=self.now)
        self.said: list[str] = []
        self.snapshots: list[RunSnapshot] = []

    def now(self) -> datetime:
        """Return noon and the seconds of the fake clock."""
        return NOON + timedelta(seconds=self.time.seconds)

    def start(self, **conf: Any) -> Run:
        """Trigger a run."""
        return start_run(
            self.airflow.client(),
            self.recorder,
            "example",
            conf,
            say=self.said.append,
            now=self.now,
            clock=self.time.clock,
        )

    def follow(
        self, run: Run, *, timeout_s: float = 100, look: Callable[[RunSnapshot], None] = lambda _: None
    ) -> RunSnapshot:
        """Follow a run to its end; `look` sees each snapshot."""

        def on_snapshot(snapshot: RunSnapshot) -> None:
            self.snapshots.append(snapshot)
            look(snapshot)

        return follow(run, on_snapshot=on_snapshot, say=self.said.append, timeout_s=timeout_s, now=self.now)

    @property
    def run(self) -> FakeRun:
        """Return the newest run."""
        return self.airflow.dag_runs.newest

    def set(self, seconds: float, task_id: str, map_index: int = -1, **fields: Any) -> None:
        """Plan what Airflow will say of a task; `queued`, `start` and `end` are seconds."""
        names = {"queued": "queued_when", "start": "start_date", "end": "end_date"}
        named = {names.get(key, key): _iso(value) if key in names else value for key, value in fields.items()}
        self.time.at(seconds, lambda: self.run.set(task_id, map_index, **named))

    def pod(self, seconds: float, name: str, **others: Any) -> None:
        """Plan a version of a worker pod."""
        self.time.at(seconds, lambda: self.server.put("pods", worker_pod(name, run=self.run.run_id, **others)))

    def end(self, seconds: float, state: str) -> None:
        """Plan the run's end."""

        def end() -> None:
            self.run.state, self.run.end = state, _iso(seconds)

        self.time.at(seconds, end)


def _iso(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat()
