"""What several commands take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.what_ran import keep_what_runs
from harness.environment import Environment
from harness.parts import Outside, Parts
from harness.settings import DEV, load_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@dataclass
class Invocation:
    """One call of the command: what is outside of this process, and the options before the verb.

    `verb` is the first word after them; `name` is the environment's, as far as it is known; `log` is the file that
    holds what ran, if one is kept.
    """

    outside: Outside
    flags: Mapping[str, object] = field(default_factory=dict)
    verb: str = ""
    name: str = DEV
    log: Path | None = None


def open_environment(context: typer.Context, *, log: str = "", **flags: object) -> Environment:
    """Return the environment that the options before the verb name; with `log` what runs is kept in a file so named."""
    invocation: Invocation = context.obj
    settings = load_settings({**invocation.flags, **flags})
    invocation.name = settings.name
    if log:
        kept = keep_what_runs(settings.log_folder, log, invocation.outside.clock.utc_now())
        invocation.log = context.with_resource(kept)
    return Environment(Parts(settings, invocation.outside))
