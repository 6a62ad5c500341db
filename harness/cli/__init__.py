"""The command `harness`: parses, calls, prints. Exit codes: 0, 1 it failed, 2 usage or host, 130 interrupted."""

import signal
import sys
from types import FrameType

import typer

from harness.cli import app
from harness.cli.output import err
from harness.errors import HarnessError
from harness.redact import redact

INTERRUPTED = 130


def main() -> None:
    """Run the command line and turn what goes wrong into one message and an exit code."""
    # So that a time-out's TERM, too, ends what we started.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app.app(standalone_mode=False)
    except HarnessError as error:
        err.print(f"[bold red]error:[/] {_escape(str(error))}", highlight=False)
        if error.next_step:
            err.print(f"[bold]next:[/]  {_escape(error.next_step)}", highlight=False)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        err.print("interrupted; `harness up` goes on from here, `harness down` removes it")
        sys.exit(INTERRUPTED)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except app.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _escape(text: str) -> str:
    return redact(text).replace("[", r"\[")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
