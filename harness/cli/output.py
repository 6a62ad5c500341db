"""How the command line looks: steps as they go, tables, JSON."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from harness.backup.steps import Backup
from harness.redact import redact
from harness.steps import Outcome

out = Console()
err = Console(stderr=True)

MARKS: dict[Outcome, str] = {
    "checked": "[dim]✓[/]",
    "done": "[green]✓[/]",
    "unchanged": "[dim]·[/]",
    "failed": "[red]✗[/]",
}
NAME_WIDTH = 28
WORTH_TELLING_S = 2
MIB = 1024**2


class StepPrinter:
    """Prints one line for each step; on a terminal the running one spins and shows its elapsed time."""

    def __init__(self, console: Console = out) -> None:
        self._console = console
        self._progress: Progress | None = None

    def started(self, name: str) -> None:
        """Show the step, on a terminal."""
        if self._console.is_terminal:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.start()
            self._progress.add_task(name)

    def said(self, text: str) -> None:
        """Print a line below the step."""
        line = redact(text).replace("\n", " ")
        self._console.print(
            f"    {line}", style="dim", highlight=False, markup=False, overflow="ellipsis", no_wrap=True
        )

    def ended(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Print the step's line."""
        if self._progress:
            self._progress.stop()
            self._progress = None
        took = outcome if outcome in {"unchanged", "checked"} and seconds < WORTH_TELLING_S else f"{seconds:.1f} s"
        self._console.print(f"  {MARKS[outcome]} {name:<{NAME_WIDTH}} {took}", highlight=False)


def print_backup(verb: str, backup: Backup, *, as_json: bool) -> None:
    """Print which file was written or restored, and what it holds."""
    if as_json:
        print_json(backup)
        return
    held = backup.manifest
    out.print(
        f"\n{verb}: {backup.path} ({backup.size_bytes / MIB:.1f} MiB)\n"
        f"  of `{held.environment}`, Airflow {held.airflow}, {held.created}; DAG runs: {held.dag_runs}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows that fit 80 columns: long cells wrap."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(redact(cell)) for cell in row))
    out.print(table)


def print_json(value: object) -> None:
    """Print a value, a dataclass or a list of these as JSON for programs."""
    sys.stdout.write(json.dumps(_plain(value), indent=2, default=str) + "\n")


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return redact(value) if isinstance(value, str) else value
