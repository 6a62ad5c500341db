"""The question before a protected environment is changed."""

import os
import sys
from typing import Annotated

import typer

from harness.errors import UsageError
from harness.settings import Settings

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask, where the environment is protected.")]


def ask(settings: Settings, what: str, *, yes: bool) -> None:
    """Ask whether to do `what`, where that would change a protected environment.

    Raises UsageError when the answer is no, and when nobody is there to give one.
    """
    if yes or not settings.protected:
        return
    told = f"`{settings.name}` is protected, and this would {what}"
    if not has_terminal():
        raise UsageError(told, next_step="say --yes when that is meant")
    if not typer.confirm(f"{told}. Go on?", err=True):
        raise UsageError("nothing was changed, as you said")


def has_terminal() -> bool:
    """Tell whether somebody can be asked."""
    return os.isatty(sys.stdin.fileno())
