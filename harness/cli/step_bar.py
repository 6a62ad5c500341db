"""The line of a step that runs, on a terminal: its name, how far it is, and its time."""

from rich.console import Console, RenderableType
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar

WIDTH = 20


class _Bar(ProgressColumn):
    """A bar, from when it is known how far the task goes."""

    def render(self, task: Task) -> RenderableType:
        return ProgressBar(total=task.total, completed=task.completed, width=WIDTH) if task.total else ""


class StepBar:
    """Spins until it is stopped, and is gone then."""

    def __init__(self, console: Console, name: str) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), _Bar())
        far = TextColumn("{task.fields[far]}", markup=False)
        self.live = Progress(*columns, far, TimeElapsedColumn(), console=console, transient=True)
        self._task = self.live.add_task(name, total=None, far="")
        self.live.start()

    def move(self, done: int, total: int, text: str) -> None:
        """Show that `done` of `total` are done, and a text beside it."""
        self.live.update(self._task, completed=done, total=total, far=text)

    def stop(self) -> None:
        """Take the line away."""
        self.live.stop()
