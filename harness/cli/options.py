"""What several commands take."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from harness.environment import Environment
from harness.parts import Outside, Parts
from harness.settings import load_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@dataclass(frozen=True)
class Invocation:
    """One call of the command: the options before the verb, and what is outside of this process."""

    outside: Outside
    flags: Mapping[str, object]


def open_environment(context: typer.Context, **flags: object) -> Environment:
    """Return the environment that the options before the verb name."""
    invocation: Invocation = context.obj
    return Environment(Parts(load_settings({**invocation.flags, **flags}), invocation.outside))
