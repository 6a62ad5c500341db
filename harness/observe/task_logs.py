"""The logs of a run's tasks, as they come."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from harness.observe.runs import Run
from harness.observe.snapshots import RunSnapshot, TaskSnapshot, TrySnapshot
from harness.redact import redact
from harness.tools.airflow_client import AirflowApiError
from harness.tools.airflow_records import TaskKey

MARKER = re.compile(r"::(group::(?P<title>.*)|endgroup::)")
HEAD = re.compile(r"\d{4}-\d\d-\d\dT\S+ (?P<level>\w+) ")
# Groups of lines that Airflow itself makes (task-sdk 1.3.2 `task_runner.py`, `log_reader.py`).
FOLDED = frozenset({"Log message source details", "Pre Execute", "Post Execute"})
# Frames of a stack trace between Airflow's start of a task and the task's own code.
AIRFLOW_FRAME = re.compile(r'  File ".*/site-packages/airflow/(sdk/.*|providers/standard/operators/python)\.py", line ')
# Each running try costs the API server one request a look; those beyond this many wait for the next one.
AT_ONCE = 10
# A log may grow a little after its try is over; after so many looks without anything new it is whole.
QUIET_LOOKS = 2
WITH_LOG = frozenset({"running", "success", "failed", "up_for_retry", "up_for_reschedule", "deferred"})


@dataclass
class TaskLogs:
    """Reads the logs of one run; call `news` with each snapshot."""

    run: Run
    _shown: dict[TaskKey, int] = field(default_factory=dict)
    _quiet: dict[TaskKey, int] = field(default_factory=dict)

    def news(self, snapshot: RunSnapshot) -> Iterator[tuple[str, list[str]]]:
        """Yield a try's name and the lines of its log that are new; after the last snapshot nothing is left out."""
        tries = [(task, one) for task in snapshot.tasks for one in task.tries if self._is_due(task, one)]
        for task, one in tries if snapshot.is_over else tries[:AT_ONCE]:
            try:
                lines = read_log(self.run, task, one)
            except AirflowApiError as error:
                if error.is_away:
                    return  # each further one would wait for it, too; the next look has them
                continue  # there is none yet
            key = _key(task, one)
            news = lines[self._shown.get(key, 0) :]
            if news:
                self._shown[key] = len(lines)
                yield task.label if one.number == 1 else str(key), news
            is_quiet = not news and one.state != "running" and key in self._shown
            self._quiet[key] = self._quiet.get(key, 0) + 1 if is_quiet else 0

    def _is_due(self, task: TaskSnapshot, one: TrySnapshot) -> bool:
        return one.state in WITH_LOG and self._quiet.get(_key(task, one), 0) < QUIET_LOOKS


def _key(task: TaskSnapshot, one: TrySnapshot) -> TaskKey:
    return TaskKey(task.task_id, task.map_index, one.number)


def read_log(run: Run, task: TaskSnapshot, one: TrySnapshot) -> list[str]:
    """Return the lines of a try's log, redacted, without what Airflow logs about its own work before and after."""
    text = run.airflow.logs(run.dag_id, run.run_id, task.task_id, one.number, map_index=task.map_index)
    return list(_unfolded(redact(text).splitlines()))


def _unfolded(lines: Iterable[str]) -> Iterator[str]:
    """Yield all but Airflow's own frames and the groups that its UI folds; what is more than information stays."""
    is_folded = is_hidden = False
    for line in lines:
        if marker := MARKER.search(line):
            is_folded = is_hidden = marker["title"] in FOLDED
            if marker["title"] and not is_folded:
                yield line
            continue
        if head := HEAD.match(line):  # the lines of a stack trace have none: they go with the line before
            is_hidden = is_folded and head["level"] in {"info", "debug"}
        if not is_hidden and not AIRFLOW_FRAME.match(line):
            yield line
