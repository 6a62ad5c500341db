"""Finds the project: the folder whose pyproject.toml has `[tool.harness]`."""

import tomllib
from pathlib import Path
from typing import Any

from harness.errors import UsageError, Verb


def find_project(start: Path) -> Path:
    """Return the nearest folder at or above `start` whose pyproject.toml has `[tool.harness]`.

    Raises UsageError when there is none.
    """
    for folder in (start, *start.parents):
        if has_table(folder):
            return folder
    raise UsageError(
        f"no pyproject.toml with a [tool.harness] table at or above {start}",
        next_step=(
            "change to the project's folder, or add an empty [tool.harness] table to its pyproject.toml",
            Verb("init", "makes a project here"),
        ),
    )


def has_table(folder: Path) -> bool:
    """Tell whether the pyproject.toml of `folder` has `[tool.harness]`; raises UsageError when it is not TOML."""
    return read_table(folder) is not None


def read_table(folder: Path) -> dict[str, Any] | None:
    """Return the table of the pyproject.toml of `folder`, None when there is none; raises UsageError as `has_table`."""
    try:
        document = tomllib.loads((folder / "pyproject.toml").read_text())
    except FileNotFoundError:
        return None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{folder / 'pyproject.toml'} is not TOML: {error}") from None
    table: dict[str, Any] | None = document.get("tool", {}).get("harness")
    return table
