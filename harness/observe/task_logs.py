"""The logs of a run's tasks, as they come: redacted, bounded, and without what Airflow says of its own work."""

import re
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice

from harness.observe.runs import Run
from harness.observe.snapshots import RunSnapshot, TaskSnapshot, TrySnapshot
from harness.redact import redact
from harness.tools.airflow_client import AirflowApiError
from harness.tools.airflow_logs import LogEntry
from harness.tools.airflow_records import TaskKey

GROUP, END_GROUP = "::group::", "::endgroup::"
# Groups of lines that Airflow itself makes (task-sdk 1.3.2 `task_runner.py`).
FOLDED = frozenset({"Pre Execute", "Post Execute"})
OWN_FILES = frozenset({"", "task_runner.py", "supervisor.py", "context.py", "xcom.py", "timeout.py"})
# Frames of a stack trace between Airflow's start of a task and the task's own code.
AIRFLOW_FRAME = re.compile(r'  File ".*/site-packages/airflow/(sdk/.*|providers/standard/operators/python)\.py", line ')
# Each running try costs the API server one request a look; those beyond this many wait for the next one.
AT_ONCE = 10
# A log may grow a little after its try is over; after so many looks without anything new it is whole.
QUIET_LOOKS = 2
WITH_LOG = frozenset({"running", "success", "failed", "up_for_retry", "up_for_reschedule", "deferred"})
# Of a log that is longer, the end follows when its try is over, and what is between is counted.
FOLLOWED_CHARS = 1_048_576
END_LINES = 40
# So much of what was read before is redacted again with what is new, for a secret may have several lines.
CONTEXT_LINES = 200


@dataclass
class _Folding:
    """Hides what Airflow logs about its own work before and after a task; what is more than information stays."""

    group: str = ""

    def unfold(self, entry: LogEntry) -> list[str]:
        """Return the entry's lines without Airflow's own; what a task or its callbacks wrote is never hidden."""
        is_own = _is_airflows_own(entry)
        if entry.event.startswith(GROUP):
            title = entry.event.removeprefix(GROUP)
            if is_own:
                self.group = title
            return [] if is_own and title in FOLDED else entry.lines
        if entry.event == END_GROUP:
            self.group = "" if is_own else self.group
            return []
        if is_own and self.group in FOLDED and entry.level in {"info", "debug"}:
            return []
        return [*entry.text.split("\n"), *(line for line in entry.stack_trace if not AIRFLOW_FRAME.match(line))]


def _is_airflows_own(entry: LogEntry) -> bool:
    """Return whether Airflow wrote the entry, by its logger: `task` in Airflow's files, or one of Airflow's modules.

    Below `airflow.task` operators and hooks log, and people in their callbacks; what is printed is `task.stdout`.
    """
    is_module = entry.logger.startswith("airflow.") and not entry.logger.startswith("airflow.task")
    return is_module or (entry.logger == "task" and entry.filename in OWN_FILES)


@dataclass
class _Log:
    """What was read of a try's log."""

    folding: _Folding = field(default_factory=_Folding)
    entries: int = 0
    chars: int = 0
    quiet_looks: int = 0
    context: list[str] = field(default_factory=list)

    @property
    def is_long(self) -> bool:
        """Return whether there is more than is shown as it comes."""
        return self.chars > FOLLOWED_CHARS


@dataclass
class TaskLogs:
    """Reads the logs of one run; call `news` with each snapshot."""

    run: Run
    _logs: dict[TaskKey, _Log] = field(default_factory=dict)

    def news(self, snapshot: RunSnapshot) -> Iterator[tuple[str, list[str]]]:
        """Yield a try's name and the lines of its log that are new; after the last snapshot nothing is left out.

        But for the middle of a log of more than 1 MiB: then a line tells how much that was.
        """
        tries = [(task, one) for task in snapshot.tasks for one in task.tries if self._is_due(task, one)]
        for task, one in tries if snapshot.is_over else tries[:AT_ONCE]:
            key = _key(task, one)
            log = self._logs.setdefault(key, _Log())
            try:
                news, log = _read_on(self.run, task, one, log)
            except AirflowApiError as error:
                if error.is_away:
                    return  # each further one would wait for it, too; the next look has them
                continue  # there is none yet
            if news:
                yield task.label if one.number == 1 else str(key), news
            is_quiet = not news and one.state != "running" and log.entries > 0
            is_whole = log.is_long and one.state != "running"
            quiet_looks = QUIET_LOOKS if is_whole else log.quiet_looks + 1 if is_quiet else 0
            self._logs[key] = replace(log, quiet_looks=quiet_looks)

    def _is_due(self, task: TaskSnapshot, one: TrySnapshot) -> bool:
        log = self._logs.get(_key(task, one), _Log())
        has_room = not log.is_long or one.state != "running"
        return one.state in WITH_LOG and has_room and log.quiet_looks < QUIET_LOOKS


def _key(task: TaskSnapshot, one: TrySnapshot) -> TaskKey:
    return TaskKey(task.task_id, task.map_index, one.number)


def _read_on(run: Run, task: TaskSnapshot, one: TrySnapshot, log: _Log) -> tuple[list[str], _Log]:
    """Return the lines that are new, redacted, and what is read by now."""
    log = replace(log, folding=replace(log.folding))
    new: list[str] = []
    end: deque[str] = deque(maxlen=END_LINES)
    after = 0
    with closing(_entries(run, task, one)) as entries:
        for entry in islice(entries, log.entries, None):
            if log.is_long and one.state == "running":
                break
            log.entries += 1
            lines = log.folding.unfold(entry)
            if log.is_long:
                end.extend(lines)
                after += len(lines)
            else:
                new += lines
                log.chars += sum(map(len, lines)) + len(lines)
    told = _redacted([*log.context, *new])[len(log.context) :]
    if log.is_long and one.state == "running":
        told.append(f"[the log has more than {FOLLOWED_CHARS:,} characters: its end follows when the try is over]")
    if after > len(end):
        told.append(f"[{after - len(end):,} lines are left out here]")
    log.context = [*log.context, *new][-CONTEXT_LINES:]
    return [*told, *_redacted([*end])], log


def read_end(run: Run, task: TaskSnapshot, one: TrySnapshot, most: int) -> tuple[int, list[str]]:
    """Return how many lines of a try's log are left out, and the last ones, redacted and without Airflow's own."""
    folding = _Folding()
    kept: deque[str] = deque(maxlen=most + CONTEXT_LINES)
    count = 0
    for entry in _entries(run, task, one):
        lines = folding.unfold(entry)
        count += len(lines)
        kept.extend(lines)
    lines = _redacted([*kept])[-most:]
    return count - len(lines), lines


def _entries(run: Run, task: TaskSnapshot, one: TrySnapshot) -> Generator[LogEntry, None, None]:
    """Yield what the task logged; where Airflow reads that may change from look to look."""
    entries = run.airflow.log_entries(run.dag_id, run.run_id, task.task_id, one.number, map_index=task.map_index)
    with closing(entries):
        yield from (entry for entry in entries if not entry.is_source)


def _redacted(lines: list[str]) -> list[str]:
    """Return as many lines, redacted as one text."""
    return redact("\n".join(lines)).split("\n") if lines else []
