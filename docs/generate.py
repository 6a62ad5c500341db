"""Writes the pages of the reference that follow from the code: the command line and the settings.

python docs/generate.py
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic_core import PydanticUndefined

from harness.cli.app import app
from harness.settings import Settings

REFERENCE = Path(__file__).parent / "reference"
ABOUT_COMMANDS = """\
Options of `harness` stand before the command: `harness --name mine up`. What scripts read is in
[exit codes and JSON](exit-codes-and-json.md)."""
ABOUT_SETTINGS = """\
A flag wins over a `HARNESS_*` variable, that over `[tool.harness.environments.NAME]`, which holds for that environment
alone, and that over `[tool.harness]` in the nearest `pyproject.toml` that has this table. Paths are relative to its
folder. Lists and tables in variables are JSON. An unknown key in a table is refused
by name. Flags are on the page of the [command line](cli.md)."""
NOTE = "<!-- Written by `make docs`: change the code, not this page. -->"
LONG = 60


def write_command_line() -> str:
    """Return the page of the command line."""
    parts = [
        "# Command line",
        NOTE,
        ABOUT_COMMANDS,
    ]
    for words, command in walk("harness", typer.main.get_command(app)):
        parts += [f"## {words}", sentence(command.help or command.short_help or "")]
        rows = [row for parameter in command.params if (row := describe(parameter))]
        if command.ignore_unknown_options:
            parts.append(f"What follows `--` is passed on: `{words} -- ...`.")
        if rows:
            parts.append(table("argument or option", "default", "meaning", rows=rows))
    return "\n\n".join(parts) + "\n"


def walk(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield each command with the words that call it, a group before its members."""
    yield words, command
    for name, member in getattr(command, "commands", {}).items():
        yield from walk(f"{words} {name}", member)


def describe(parameter: Any) -> tuple[str, str, str] | None:
    """Return a parameter's row, None for those that typer adds."""
    if parameter.name in {"install_completion", "show_completion", "help"}:
        return None
    name = ", ".join(parameter.opts) if parameter.param_type_name == "option" else parameter.name.upper()
    if parameter.param_type_name == "option" and not parameter.is_flag:
        name += f" {parameter.metavar or parameter.name.upper()}"
    default = parameter.default
    text = f"{default:g}" if isinstance(default, float) else str(default)
    shown = "required" if parameter.required else "" if default in (None, "", False) else f"`{text}`"
    return f"`{name}`", shown, parameter.help or ""


def write_settings() -> str:
    """Return the page of the settings."""
    rows, below = [], []
    for name, field in Settings.model_fields.items():
        if name == "project":
            continue
        default = "" if field.default in (PydanticUndefined, None) else text_of(field.default)
        if len(default) > LONG:
            below.append(f"The default of `{name}`:\n\n```json\n{json.dumps(field.default, indent=2)}\n```")
            default = "see below"
        elif default:
            default = f"`{default}`"
        rows.append((f"`{name}`", f"`HARNESS_{name.upper()}`", default, field.description or ""))
    parts = [
        "# Settings",
        NOTE,
        ABOUT_SETTINGS,
        table("setting", "variable", "default", "meaning", rows=rows),
        *below,
    ]
    return "\n\n".join(parts) + "\n"


def text_of(value: Any) -> str:
    """Return a default as one writes it in TOML or JSON, without the quotes of a text."""
    if isinstance(value, str | Path):
        return str(value)
    return json.dumps(value, default=str)


def sentence(text: str) -> str:
    """Return a help text as one paragraph that ends in a full stop."""
    words = " ".join(text.split())
    return words if words.endswith(".") else f"{words}."


def table(*heads: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))


PAGES = {"cli.md": write_command_line, "settings.md": write_settings}


if __name__ == "__main__":
    for page, write in PAGES.items():
        (REFERENCE / page).write_text(write())
