"""The command `harness`: parses, calls, prints. Exit codes: 0, 1 it failed, 2 usage or host, 130 interrupted."""

import signal
import sys
from types import FrameType

from rich.markup import escape

from harness.cli import app
from harness.cli.output import err
from harness.errors import HarnessError, Interrupted
from harness.parts import Outside
from harness.redact import redact

INTERRUPTED = Interrupted.exit_code


def main(outside: Outside | None = None) -> None:
    """Run the command line and turn what goes wrong into one message and an exit code."""
    # So that a time-out's TERM, too, ends what we started.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app.app(obj=outside)
    except HarnessError as error:
        word = "[bold]interrupted:[/]" if error.exit_code == INTERRUPTED else "[bold red]error:[/]"
        err.print(f"{word} {escape(redact(str(error)))}", highlight=False, soft_wrap=True)
        if error.next_step:
            err.print(f"[bold]next:[/]  {escape(redact(error.next_step))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except SystemExit as stop:  # typer's own end, whatever the outcome: also of an interrupt
        if stop.code == INTERRUPTED:
            err.print("interrupted; `harness up` goes on from here, `harness down` removes it")
        raise


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
