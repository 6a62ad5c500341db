"""How the command line looks: texts, steps as they go, tables, JSON. What others wrote is printed as it is."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.text import Text

from harness.redact import redact
from harness.steps import Outcome, Pace, Progress

if TYPE_CHECKING:
    from harness.backup.steps import Backup
    from harness.cli.step_bar import StepBar

# No text is markup: a style is given beside it. So `[/b]` in a file's name is just that.
out = Console(markup=False, emoji=False, highlight=False)
err = Console(markup=False, emoji=False, highlight=False, stderr=True)

MARKS: dict[Outcome, tuple[str, str]] = {
    "checked": ("✓", "dim"),
    "done": ("✓", "green"),
    "unchanged": ("·", "dim"),
    "failed": ("✗", "red"),
}
# What ECMA-48 calls control sequences and strings: colors, and what moves a cursor, names a window, fills a clipboard.
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|[\]PX^_][^\x07\x1b\n]*+(?:\x07|\x1b\\)?|[ -/]*+[0-~])?")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
NAME_WIDTH = 28
WORTH_TELLING_S = 2
MIB = 1024**2


@dataclass(frozen=True)
class _Verbatim:
    """Texts with their styles, which are not wrapped, and whose tabs stay."""

    pieces: tuple[tuple[str, str], ...]

    def __rich_console__(self, console: Console, _options: ConsoleOptions) -> RenderResult:
        for text, style in self.pieces:
            yield Segment(text, console.get_style(style))


def say(console: Console, text: str, *, style: str = "", head: str = "", head_style: str = "", end: str = "\n") -> None:
    r"""Print a text as it is, after a head of ours, with secrets masked and what no encoding has as `\udc80`."""
    pieces = ((head, head_style), (make_printable(text), style), (end, ""))
    console.print(_Verbatim(pieces), soft_wrap=True, end="")


def make_printable(text: str) -> str:
    r"""Return a text as a terminal should get it, whoever wrote it.

    Secrets are masked, escape sequences and control characters but tabs and line ends are left out, so that a task's
    log moves no cursor and names no window, and what no encoding has is spelled, as `\udc80`.
    """
    return redact(CONTROLS.sub("", ESCAPES.sub("", text))).encode("utf-8", "backslashreplace").decode()


class StepPrinter:
    """Prints one line for each step; on a terminal the running one spins, with its time and a bar of how far it is.

    Elsewhere how far it is comes as a line now and then.
    """

    def __init__(self, console: Console = out) -> None:
        self._console = console
        self._bar: StepBar | None = None
        self._pace = Pace()

    def started(self, name: str) -> None:
        """Show the step, on a terminal."""
        self._pace.start()
        if self._console.is_terminal:
            from harness.cli.step_bar import StepBar

            self._bar = StepBar(self._console, name)

    def said(self, text: str) -> None:
        """Print a line below the step; how far it is moves the bar."""
        line = make_printable(text).replace("\n", " ")
        if self._bar and isinstance(text, Progress):
            self._bar.move(text.done, text.total, line)
        elif self._pace.is_due(text):
            self._console.print(Text(f"    {line}", style="dim", overflow="ellipsis", no_wrap=True))

    def ended(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Print the step's line."""
        if self._bar:
            self._bar.stop()
            self._bar = None
        took = outcome if outcome in {"unchanged", "checked"} and seconds < WORTH_TELLING_S else f"{seconds:.1f} s"
        self._console.print(Text.assemble("  ", MARKS[outcome], f" {name:<{NAME_WIDTH}} {took}"))


def print_backup(verb: str, backup: "Backup", *, as_json: bool) -> None:
    """Print which file was written or restored, and what it holds."""
    if as_json:
        print_json(backup)
        return
    held = backup.manifest
    say(
        out,
        f"\n{verb}: {backup.path} ({backup.size_bytes / MIB:.1f} MiB)\n"
        f"  of `{held.environment}`, Airflow {held.airflow}, {held.created}; DAG runs: {held.dag_runs}",
    )


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows that fit 80 columns: long cells wrap."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(make_printable(cell)) for cell in row))
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
