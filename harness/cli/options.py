"""What several commands take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import typer

from harness.environment import Environment
from harness.parts import Outside, Parts
from harness.settings import DEV, load_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@dataclass
class Invocation:
    """One call of the command: what is outside of this process, the options before the verb, and whom it is for.

    `name` is the environment's, as far as it is known.
    """

    outside: Outside
    flags: Mapping[str, object] = field(default_factory=dict)
    name: str = DEV


def open_environment(context: typer.Context, **flags: object) -> Environment:
    """Return the environment that the options before the verb name."""
    invocation: Invocation = context.obj
    settings = load_settings({**invocation.flags, **flags})
    invocation.name = settings.name
    return Environment(Parts(settings, invocation.outside))
