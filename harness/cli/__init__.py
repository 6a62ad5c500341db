"""The command `harness`: parses, calls, prints. Exit codes: 0, 1 it failed, 2 usage or host, 130 interrupted."""

import signal
import sys
from types import FrameType

from harness.advice import explain, find_command
from harness.cli import app
from harness.cli.options import Invocation
from harness.cli.output import err, say
from harness.errors import HarnessError, Interrupted
from harness.parts import Outside

INTERRUPTED = Interrupted.exit_code


def main(outside: Outside | None = None) -> None:
    """Run the command line and turn what goes wrong into one message and an exit code."""
    # So that a time-out's TERM, too, ends what we started.
    signal.signal(signal.SIGTERM, _interrupt)
    invocation = Invocation(outside or Outside())
    try:
        app.app(obj=invocation)
    except HarnessError as error:
        word, style = ("interrupted: ", "bold") if error.exit_code == INTERRUPTED else ("error: ", "bold red")
        say(err, str(error), head=word, head_style=style)
        if advice := explain(error, invocation.name):
            say(err, advice, head="next:  ", head_style="bold")
        if invocation.log:
            say(err, str(invocation.log), head="what ran: ", head_style="bold")
        sys.exit(error.exit_code)
    except SystemExit as stop:  # typer's own end, whatever the outcome: also of an interrupt
        if stop.code == INTERRUPTED:
            say(err, f"interrupted; {_how_to_go_on(invocation)}")
        raise


def _how_to_go_on(invocation: Invocation) -> str:
    command = find_command(invocation.name)
    if invocation.verb == "up":
        return f"`{command} up` goes on from here, `{command} down` removes it"
    return "run it again"


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
