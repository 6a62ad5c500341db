"""What a DAG run looks like at one moment: what Airflow says of each try, beside what its pod does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from harness.errors import HarnessError
from harness.observe.pods import FINAL_PHASES, WorkerPod
from harness.observe.runs import Run
from harness.tools.airflow_records import FINAL_RUN_STATES, TaskInstance, TaskKey

# Reasons of a container that only say how things should be.
USUAL_REASONS = frozenset({"Completed", "PodInitializing", "ContainerCreating"})

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrySnapshot:
    """A try of a task and its newest pod; `pod`, `node`, `phase` and `reason` are empty while no pod was seen.

    `state` is Airflow's; `queued_s` and `running_s` are None for what has not begun.
    """

    number: int
    state: str | None
    queued_s: float | None
    running_s: float | None
    pod: str
    node: str
    phase: str
    reason: str


@dataclass(frozen=True)
class TaskSnapshot:
    """A task, or one of a mapped task's; `state` is None while Airflow has none, and `tries` empty before the first."""

    task_id: str
    map_index: int
    label: str
    state: str | None
    tries: tuple[TrySnapshot, ...]


@dataclass(frozen=True)
class RunSnapshot:
    """A run at one moment, `seconds` after its trigger; tasks come after those that they depend on."""

    dag_id: str
    run_id: str
    state: str
    seconds: float
    tasks: tuple[TaskSnapshot, ...]

    @property
    def is_over(self) -> bool:
        """Return whether no task of it will run any more."""
        return self.state in FINAL_RUN_STATES

    @property
    def has_running_pods(self) -> bool:
        """Return whether a pod that was seen is not over."""
        return any(one.phase in {"Pending", "Running"} for task in self.tasks for one in task.tries)


@dataclass
class SnapshotTaker:
    """Takes snapshots of a run that was triggered at `started`; `say` hears, once, that its pods are no longer seen."""

    run: Run
    say: Say
    now: Callable[[], datetime]
    started: datetime
    _order: dict[str, int] = field(default_factory=dict)
    _earlier: dict[TaskKey, list[TaskInstance]] = field(default_factory=dict)
    _pods: list[WorkerPod] = field(default_factory=list)
    _has_pods: bool = True

    def take(self) -> RunSnapshot:
        """Return the run as it is now."""
        run = self.run
        if not self._order:
            self._order = {task_id: place for place, task_id in enumerate(run.airflow.task_ids(run.dag_id))}
        state = run.airflow.dag_run(run.dag_id, run.run_id)  # first: when it is over, so are the tasks read after it
        instances = run.task_instances
        seen = self.now()
        pods = self._look_at_pods()
        tasks = [self._task(ti, pods, seen) for ti in instances]
        tasks.sort(key=lambda task: (self._order.get(task.task_id, len(self._order)), task.task_id, task.map_index))
        seconds = ((state.end or seen) - self.started).total_seconds()
        return RunSnapshot(run.dag_id, run.run_id, state.state, round(max(seconds, 0.0), 1), tuple(tasks))

    def _look_at_pods(self) -> Mapping[TaskKey, WorkerPod]:
        try:
            self._pods = self.run.pods
        except HarnessError as error:
            if self._has_pods:
                self.say(f"the run is followed without its pods from here on: {error}")
            self._has_pods = False
        return {pod.key: pod for pod in self._pods}

    def _task(self, ti: TaskInstance, pods: Mapping[TaskKey, WorkerPod], seen: datetime) -> TaskSnapshot:
        tries = [*self._tries_before(ti), ti] if ti.try_number else []
        shots = tuple(_snapshot_of_try(one, pods.get(one.key), seen) for one in tries)
        return TaskSnapshot(ti.task_id, ti.map_index, ti.label, ti.state, shots)

    def _tries_before(self, ti: TaskInstance) -> list[TaskInstance]:
        """Return the earlier tries, which are asked for once: they are over."""
        key = ti.key
        if ti.try_number > 1 and key not in self._earlier:
            tries = self.run.airflow.tries(ti.dag_id, ti.run_id, ti.task_id, ti.map_index)
            self._earlier[key] = [one for one in tries if one.try_number < ti.try_number]
        return self._earlier.get(key, [])


def _snapshot_of_try(ti: TaskInstance, pod: WorkerPod | None, seen: datetime) -> TrySnapshot:
    return TrySnapshot(
        number=ti.try_number,
        state=ti.state,
        queued_s=_seconds(ti.queued, ti.start or ti.end or seen),
        running_s=_seconds(ti.start, ti.end or seen),
        pod=pod.name if pod else ti.hostname,
        node=pod.node if pod else "",
        phase=_phase(pod) if pod else "",
        reason=_reason(pod) if pod else "",
    )


def _seconds(start: datetime | None, end: datetime) -> float | None:
    return None if start is None else round(max((end - start).total_seconds(), 0.0), 1)


def _phase(pod: WorkerPod) -> str:
    return "Deleted" if pod.deleted and pod.phase not in FINAL_PHASES else pod.phase


def _reason(pod: WorkerPod) -> str:
    """Return why a pod does not do what it should: its own reason, or else a container's."""
    reasons = [pod.reason, *(container.reason for container in pod.containers)]
    return next((reason for reason in reasons if reason and reason not in USUAL_REASONS), "")
