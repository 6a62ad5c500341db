"""How a DAG run is shown while it goes on: a live tree on a terminal, else one line for each change; then its end."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.cli.output import say
from harness.cli.run_tree import WAITING, detail, in_counts, run_tree
from harness.errors import HarnessError
from harness.excerpt import cut_line
from harness.observe.audit_log import find_refusal
from harness.observe.runs import Run
from harness.observe.snapshots import RunSnapshot, TaskSnapshot, TrySnapshot
from harness.observe.task_logs import read_end
from harness.tools.airflow_records import TaskKey

LOG_LINES = 40
GOING_ON = frozenset({None, "scheduled", "queued", "running", "restarting"})  # states of a try
MARGIN = 3  # lines of the screen that are not the tree's: the prompt, and what was said before
LOG_TIME = re.compile(r"\d{4}-\d\d-\d\dT\S+")


class RunView:
    """A context manager; on a terminal the tree stays where it is and what is said appears above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._before: RunSnapshot | None = None

    def __enter__(self) -> Self:
        """Begin."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last tree on the screen."""
        if self._live:
            self._live.stop()

    def show(self, snapshot: RunSnapshot) -> None:
        """Show the run as it is now."""
        if self._live:
            self._live.update(run_tree(snapshot, height=self._console.height - MARGIN), refresh=True)
        else:
            for line in changes(self._before, snapshot):
                self.say(line)
        self._before = snapshot

    def say(self, text: str, style: str = "") -> None:
        """Print a text of one or several lines, with secrets masked."""
        say(self._console, text, style=style)

    def log(self, who: str, lines: Sequence[str]) -> None:
        """Print lines of a task's log."""
        for line in lines:
            self.say(f"{who} | {cut_line(local_time(line))}", style="dim")


def changes(before: RunSnapshot | None, after: RunSnapshot) -> Iterator[str]:
    """Yield one line for each task's try, and for the run, whose state is another than before."""
    known = set(_states(before)) if before else set()
    for fact in _states(after):
        if fact not in known:
            yield f"{after.seconds:7.1f} s  {fact}"


def _states(snapshot: RunSnapshot) -> Iterator[str]:
    """Yield who is in which state; a problem of a pod is part of that."""
    if not snapshot.is_over:
        yield f"run: {snapshot.state}"
    for task in snapshot.tasks:
        if not task.tries and task.state:
            yield f"{task.label}: {task.state}"
        for one in task.tries:
            has_begun = one.pod and one.running_s is not None
            # How a pod ends after its try has ended is no news, but for the reason.
            shown = one if one.state in GOING_ON else replace(one, phase="")
            where = f" ({detail(shown)})" if has_begun or one.reason else ""
            yield f"{TaskKey(task.task_id, task.map_index, one.number)}: {one.state or WAITING}{where}"


def print_end(console: Console, run: Run, snapshot: RunSnapshot) -> None:
    """Print the end of the log of the task that failed first, if one did, and how the run ended in one line."""
    for task, one in _first_failure(snapshot):
        key = TaskKey(task.task_id, task.map_index, one.number)
        refusal = "" if one.pod else _refusal(run, key)
        if refusal:
            say(console, f"{key} failed without a pod: {refusal}", style="bold")
            break
        where = f" in pod {detail(one)}" if one.pod else ""
        say(console, f"{key} failed{where}; the end of its log:", style="bold")
        for line in _end_of_log(run, task, one):
            say(console, f"  {line}")
    console.print(
        Text.assemble(
            f"run {snapshot.run_id} of DAG {snapshot.dag_id}: ",
            (snapshot.state, "bold green" if snapshot.state == "success" else "bold red"),
            f" in {snapshot.seconds:.1f} s ({in_counts(snapshot)})",
        ),
        soft_wrap=True,
    )


def _first_failure(snapshot: RunSnapshot) -> list[tuple[TaskSnapshot, TrySnapshot]]:
    """Return the failed task that comes first in the order of the DAG, with its last try: one or none."""
    return [(task, task.tries[-1]) for task in snapshot.tasks if task.state == "failed" and task.tries][:1]


def _refusal(run: Run, key: TaskKey) -> str:
    try:
        return find_refusal(run.airflow, run.dag_id, run.run_id, key)
    except HarnessError:
        return ""  # the log is asked for next, and says that Airflow does not answer


def _end_of_log(run: Run, task: TaskSnapshot, one: TrySnapshot) -> list[str]:
    try:
        left_out, lines = read_end(run, task, one, LOG_LINES)
    except HarnessError as error:
        return [f"there is none: {error}"]
    note = [f"[{left_out:,} lines before these are left out]"] if left_out else []
    return [*note, *map(cut_line, map(local_time, lines))] or ["there is none: the task has written nothing"]


def local_time(line: str) -> str:
    """Return a line of a log with the time of this place, in seconds, instead of Airflow's."""
    found = LOG_TIME.match(line)
    try:
        return f"{datetime.fromisoformat(found[0]).astimezone():%H:%M:%S}{line[found.end() :]}" if found else line
    except ValueError:
        return line
