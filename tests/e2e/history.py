"""What Airflow's database tells of a run that is over: it must be the same for good."""

from dataclasses import dataclass

from harness import DagRun, Run, TaskInstance


@dataclass(frozen=True)
class History:
    """A run with its state and times, and every try of every task with its own."""

    run: DagRun
    tries: tuple[TaskInstance, ...]

    def states(self) -> dict[str, list[str | None]]:
        """Return the state of each task's tries, first to last."""
        found: dict[str, list[str | None]] = {}
        for one in self.tries:
            found.setdefault(one.label, []).append(one.state)
        return found


def history_of(run: Run) -> History:
    """Return a run's history as Airflow has it now."""
    tries = sorted(run.tries, key=lambda one: (one.task_id, one.map_index, one.try_number))
    return History(run.airflow.dag_run(run.dag_id, run.run_id), tuple(tries))
