"""Calls the command line as a shell would, without a process."""

from types import SimpleNamespace

from typer.testing import CliRunner

from harness.cli import app as cli_app
from harness.cli.options import Invocation
from harness.parts import Outside


class Result(SimpleNamespace):
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str
    exception: BaseException | None


def invoke(*words: str, outside: Outside | None = None) -> Result:
    """Run `harness` with these words."""
    made = CliRunner().invoke(cli_app.app, words, obj=Invocation(outside or Outside()))
    return Result(exit_code=made.exit_code, stdout=made.stdout, stderr=made.stderr, exception=made.exception)
