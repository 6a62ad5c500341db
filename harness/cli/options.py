"""What several commands take."""

from typing import Annotated

import typer

from harness.environment import Environment
from harness.settings import load_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def open_environment(context: typer.Context, **flags: object) -> Environment:
    """Return the environment that the options before the verb name."""
    return Environment(load_settings({**context.obj, **flags}))
