"""The command `harness`: parses, calls, prints. Exit codes: 0, 1 it failed, 2 usage or host, 130 interrupted."""

import signal
import sys
from types import FrameType

from rich.markup import escape

from harness.advice import explain, find_command
from harness.cli import app
from harness.cli.options import Invocation
from harness.cli.output import err
from harness.errors import HarnessError, Interrupted
from harness.parts import Outside
from harness.redact import redact

INTERRUPTED = Interrupted.exit_code


def main(outside: Outside | None = None) -> None:
    """Run the command line and turn what goes wrong into one message and an exit code."""
    # So that a time-out's TERM, too, ends what we started.
    signal.signal(signal.SIGTERM, _interrupt)
    invocation = Invocation(outside or Outside())
    try:
        app.app(obj=invocation)
    except HarnessError as error:
        word = "[bold]interrupted:[/]" if error.exit_code == INTERRUPTED else "[bold red]error:[/]"
        err.print(f"{word} {escape(redact(str(error)))}", highlight=False, soft_wrap=True)
        if advice := explain(error, invocation.name):
            err.print(f"[bold]next:[/]  {escape(redact(advice))}", highlight=False, soft_wrap=True)
        if invocation.log:
            err.print(f"[bold]what ran:[/] {escape(str(invocation.log))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except SystemExit as stop:  # typer's own end, whatever the outcome: also of an interrupt
        if stop.code == INTERRUPTED:
            command = find_command(invocation.name)
            err.print(f"interrupted; `{command} up` goes on from here, `{command} down` removes it", soft_wrap=True)
        raise


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
