"""A DAG run as a tree of text: run, tasks, tries; it fits 80 columns, and the screen whatever the number of tasks."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby

from rich.text import Text
from rich.tree import Tree

from harness.observe.snapshots import RunSnapshot, TaskSnapshot, TrySnapshot

STYLES = {
    "success": "green",
    "running": "bold cyan",
    "queued": "cyan",
    "scheduled": "cyan",
    "failed": "bold red",
    "upstream_failed": "red",
    "up_for_retry": "yellow",
    "up_for_reschedule": "yellow",
    "restarting": "yellow",
    "deferred": "magenta",
    "skipped": "dim",
    "removed": "dim",
}
WAITING = "waiting"  # what Airflow has no word for: a task before its turn
# States of a task that needs no look: it is over as it should be, or its turn has not come.
CALM = frozenset({"success", "skipped", "removed", WAITING})
URGENT = ("failed", "upstream_failed", "up_for_retry", "running", "queued", "scheduled", "success")
MAPPED_SHOWN = 6
LABEL_MAX = 30
GUIDE = 4  # columns that a level of the tree takes


@dataclass(frozen=True)
class _Line:
    label: str
    state: str
    rest: str


@dataclass(frozen=True)
class _Group:
    """One task of the DAG: its own line, and those of its tries or of the tasks that it was mapped to."""

    line: _Line
    states: Counter[str]
    inner: list[_Line] = field(default_factory=list)

    @property
    def is_calm(self) -> bool:
        return self.states.keys() <= CALM


def run_tree(snapshot: RunSnapshot, *, height: int) -> Tree:
    """Return the run as a tree of at most `height` lines: what is calm is summed up first."""
    groups = [_group(task_id, list(tasks)) for task_id, tasks in groupby(snapshot.tasks, lambda task: task.task_id)]
    head = f"run {snapshot.run_id} of DAG {snapshot.dag_id}  "
    tree = Tree(_styled(head, snapshot.state, f"{snapshot.seconds:.0f} s"))
    shown, left = _fitting(groups, height - 1)
    outer = max((len(group.line.label) for group in shown), default=0)
    inner = max((len(line.label) + GUIDE for group in shown for line in group.inner), default=0)
    width = min(max(outer, inner), LABEL_MAX)
    for group in shown:
        branch = tree.add(_row(group.line, width))
        for line in group.inner:
            branch.add(_row(line, width - GUIDE))
    if left:
        states = sum((group.states for group in left), Counter[str]())
        tree.add(Text(f"and {len(left)} more tasks: {_counts(states)}", style="dim", no_wrap=True, overflow="ellipsis"))
    return tree


def in_counts(snapshot: RunSnapshot) -> str:
    """Return how the run's tasks ended, such as `2 of 5 tasks failed, 1 skipped`."""
    states = Counter(task.state or WAITING for task in snapshot.tasks)
    total = states.total()
    others = [(state, count) for state, count in _ordered(states) if state != "success"]
    tasks = f"{total} task{'' if total == 1 else 's'}"
    if not others:
        return tasks
    (state, count), *rest = others
    return ", ".join([f"{count} of {tasks} {state}", *(f"{count} {state}" for state, count in rest)])


def detail(one: TrySnapshot) -> str:
    """Return a try's pod, and why that is not as it should be."""
    node = f" on {one.node}" if one.node and one.state == "running" else ""
    is_expected = one.phase == "Succeeded" or one.state == "success" or (one.state, one.phase) == ("running", "Running")
    phase = "" if not one.phase or (is_expected and not one.reason) else f" {one.phase}"
    return f"{one.pod}{phase}{f' {one.reason}' if one.reason else ''}{node}"


def _group(task_id: str, tasks: list[TaskSnapshot]) -> _Group:
    states = Counter(task.state or WAITING for task in tasks)
    if len(tasks) == 1 and tasks[0].map_index < 0:
        task = tasks[0]
        inner = _tries(task, lambda one: f"try {one.number}") if len(task.tries) > 1 else []
        last = task.tries[-1] if task.tries and not inner else None
        return _Group(_Line(task_id, task.state or WAITING, _rest(last) if last else ""), states, inner)
    inner = [line for task in tasks for line in _mapped(task)]
    shared_state = next(iter(states)) if len(states) == 1 else ""
    return _Group(_Line(task_id, shared_state, f"{len(tasks)} mapped: {_counts(states)}"), states, inner)


def _mapped(task: TaskSnapshot) -> list[_Line]:
    if not task.tries:
        return [_Line(f"[{task.map_index}]", task.state or WAITING, "")]
    is_first = len(task.tries) == 1
    return _tries(task, lambda one: f"[{task.map_index}]{'' if is_first else f' try {one.number}'}")


def _tries(task: TaskSnapshot, label: Callable[[TrySnapshot], str]) -> list[_Line]:
    return [_Line(label(one), one.state or WAITING, _rest(one)) for one in task.tries]


def _rest(one: TrySnapshot) -> str:
    seconds = one.queued_s if one.running_s is None else one.running_s
    return f"{'' if seconds is None else f'{seconds:.1f} s':>8}  {detail(one)}"


def _fitting(groups: list[_Group], height: int) -> tuple[list[_Group], list[_Group]]:
    """Return the groups to show, with as much of each as there is room for, and those to sum up."""
    groups = [_Group(group.line, group.states, _few(group.inner)) for group in groups]
    if sum(1 + len(group.inner) for group in groups) <= height:
        return groups, []
    groups = [_Group(group.line, group.states, [] if group.is_calm else group.inner[:3]) for group in groups]
    if sum(1 + len(group.inner) for group in groups) <= height:
        return groups, []
    shown: list[_Group] = []
    room = height - 1  # one line is for the sum
    for group in sorted(groups, key=lambda group: min(map(_urgency, group.states))):
        if not group.is_calm and room >= 1 + len(group.inner):
            shown.append(group)
            room -= 1 + len(group.inner)
    return [group for group in groups if group in shown], [group for group in groups if group not in shown]


def _few(lines: list[_Line]) -> list[_Line]:
    """Return all lines, or of many only the first that somebody should look at."""
    if len(lines) <= MAPPED_SHOWN:
        return lines
    return [line for line in lines if line.state in {"failed", "up_for_retry"}][:MAPPED_SHOWN]


def _counts(states: Counter[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in _ordered(states))


def _ordered(states: Counter[str]) -> Iterable[tuple[str, int]]:
    """Return the states with their numbers, those first that somebody should look at."""
    return sorted(states.items(), key=lambda item: _urgency(item[0]))


def _urgency(state: str) -> int:
    """Return a smaller number for what somebody should rather look at."""
    return URGENT.index(state) if state in URGENT else len(URGENT)


def _row(line: _Line, width: int) -> Text:
    label = line.label if len(line.label) <= width else f"{line.label[: width - 1]}…"
    return _styled(f"{label:<{width}}  ", line.state, line.rest)


def _styled(label: str, state: str, rest: str) -> Text:
    text = Text(label, no_wrap=True, overflow="ellipsis")
    if state:
        text.append(f"{state:<9}", style=STYLES.get(state, "dim" if state == WAITING else ""))
        text.append(" ")
    return text.append(rest)
