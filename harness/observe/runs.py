"""The DAG runs that a test starts: what Airflow says of them beside what was seen of their pods."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from harness.observe.audit_log import find_starts
from harness.observe.expectations import Expectations, Observation, find_tries
from harness.observe.leftovers import make_run_id
from harness.observe.pods import WorkerPod
from harness.observe.recorder import PodRecorder
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_client import AirflowApiError
from harness.tools.airflow_records import NOW, DagRun, LogicalDate, TaskInstance
from harness.waiting import CLOCK, Clock, NotYet, WaitTimeoutError, wait_until


@dataclass(frozen=True)
class Run(Expectations):
    """A DAG run that was triggered while `recorder` was recording, and what is expected of it."""

    dag_id: str
    run_id: str
    airflow: AirflowApi
    recorder: PodRecorder
    clock: Clock = CLOCK

    @property
    def state(self) -> str:
        """Return the run's state as Airflow has it now."""
        return self.airflow.dag_run(self.dag_id, self.run_id).state

    @property
    def pods(self) -> list[WorkerPod]:
        """Return the run's pods, oldest first."""
        return self.recorder.pods(dag_id=self.dag_id, run_id=self.run_id)

    @property
    def task_instances(self) -> list[TaskInstance]:
        """Return each task as Airflow has it now: its last try, or number 0 for one that was never to run."""
        return self.airflow.task_instances(self.dag_id, self.run_id)

    @property
    def tries(self) -> list[TaskInstance]:
        """Return every try of every task."""
        return find_tries(self.airflow.all_tries(self.dag_id, self.run_id))

    @property
    def timeline(self) -> str:
        """Return what happened, one line an event."""
        return self.look().timeline

    @property
    def makespan_s(self) -> float | None:
        """Return the seconds from the first task's schedule to the last one's end, None when a try has no end."""
        return self.look().makespan_s

    def look(self) -> Observation:
        """Return the run's pods beside its tries as Airflow tells them, as both are now."""
        pods, instances = self.pods, self.airflow.all_tries(self.dag_id, self.run_id)
        has_several = len({pod.key for pod in pods}) < len(pods)
        starts = find_starts(self.airflow, self.dag_id, self.run_id) if has_several else {}
        return Observation(pods, instances, starts, self.recorder.outages)

    def check(self, tries: Mapping[str, int]) -> None:
        """Check a run that ended: these tries and no others, a pod for each, success, and nothing left.

        `tries` is task -> number of tries, by `task` or `task[map index]`. A task that was skipped had none.
        Raises AssertionError with what was expected, what was seen, and the timeline of the run.
        """
        observed = self.look()
        observed.expect_tries(tries)
        observed.expect_one_pod_per_try()
        observed.expect_hostnames()
        observed.expect_success()
        observed.expect_nothing_left()
        if (state := self.state) != "success":
            observed.fail("the run succeeds", f"it is {state}")

    def pod_of(self, task_id: str, *, try_number: int = 1, map_index: int = -1) -> WorkerPod | None:
        """Return the newest pod of a try, or None while there is none."""
        wanted = (task_id, map_index, try_number)
        pods = [p for p in self.pods if (p.key.task_id, p.key.map_index, p.key.try_number) == wanted]
        return pods[-1] if pods else None

    def wait_until_running(self, task_id: str, *, timeout_s: float = 60.0) -> WorkerPod:
        """Wait until Airflow runs the task's first try and its pod is Running, and return that pod."""

        def probe() -> WorkerPod | NotYet:
            pod = self.pod_of(task_id)
            try:
                states = [ti.state for ti in self.task_instances if ti.task_id == task_id]
            except AirflowApiError as error:
                if not error.is_away:
                    raise
                self.recorder.note_answer(error)
                return NotYet(str(error))
            self.recorder.note_answer(None)
            if pod and pod.phase == "Running" and states == ["running"]:
                return pod
            return NotYet(f"pod: {pod.phase if pod else 'none'}, task: {', '.join(map(str, states)) or 'none'}")

        return wait_until(f"task {task_id} of run {self.run_id} running", probe, timeout_s=timeout_s, clock=self.clock)

    def wait(self, *, timeout_s: float) -> DagRun:
        """Wait for the run's end and for that of its pods, so that the recording of it is whole.

        Airflow may be away meanwhile: the timeline and the report tell when.
        """
        run = self.airflow.wait_for_run(
            self.dag_id, self.run_id, timeout_s=timeout_s, on_answer=self.recorder.note_answer
        )
        self.wait_until_pods_are_over()
        return run

    def wait_until_pods_are_over(self, *, timeout_s: float = 60.0) -> None:
        """Wait until no pod of the run is pending or running."""
        self.recorder.catch_up()

        def probe() -> bool | NotYet:
            left = [f"{pod.name} {pod.phase}" for pod in self.pods if not pod.is_over]
            return NotYet(", ".join(left)) if left else True

        wait_until(
            f"the end of the pods of run {self.run_id}", probe, timeout_s=timeout_s, interval_s=0.2, clock=self.clock
        )


class Runs:
    """Starts DAG runs, remembers them, and leaves none of them behind; `recorder` must be recording."""

    def __init__(self, airflow: AirflowApi, recorder: PodRecorder, *, clock: Clock = CLOCK) -> None:
        self._airflow = airflow
        self._recorder = recorder
        self._clock = clock
        self.started: list[Run] = []

    def start(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        *,
        is_paused: bool = False,
        logical_date: LogicalDate = NOW,
    ) -> Run:
        """Trigger a run with an id that no other run has, and unpause its DAG, or pause it if `is_paused`."""
        run_id = make_run_id(os.getpid())
        (self._airflow.pause if is_paused else self._airflow.unpause)(dag_id)
        run = self.adopt(dag_id, run_id)
        self._airflow.trigger(dag_id, run_id, conf, logical_date=logical_date)
        return run

    def adopt(self, dag_id: str, run_id: str) -> Run:
        """Take a run that somebody else started, such as a person in the UI, as if it were started here."""
        run = Run(dag_id, run_id, self._airflow, self._recorder, self._clock)
        self.started.append(run)
        return run

    def run(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        *,
        timeout_s: float,
        logical_date: LogicalDate = NOW,
    ) -> Run:
        """Start a run and wait for its end and that of its pods, whatever the end is."""
        run = self.start(dag_id, conf, logical_date=logical_date)
        run.wait(timeout_s=timeout_s)
        return run

    def end_all(self) -> None:
        """End the runs that go on, and raise AssertionError when a pod of any of them stays."""
        for run in self.started:
            self._end(run)
        for run in self.started:
            try:
                run.wait_until_pods_are_over()
            except WaitTimeoutError:
                Observation(run.pods, ()).expect_nothing_left()
                raise

    def _end(self, run: Run) -> None:
        try:
            if not self._airflow.dag_run(run.dag_id, run.run_id).is_over:
                self._airflow.fail_run(run.dag_id, run.run_id)
        except AirflowApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:  # a trigger that failed has left no run
                raise
