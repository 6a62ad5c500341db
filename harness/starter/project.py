"""Writes the files of a new project, and touches none that is there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from harness.errors import UsageError
from harness.project import has_table

PACKAGE = "airflow-kind-harness"
SETTINGS = "pyproject.toml"
# Where a file goes, and its name among ours.
COMMON = {SETTINGS: "settings.toml", ".gitignore": "gitignore", ".github/workflows/e2e.yml": "workflow.yml"}
EXAMPLE = {"dags/hello.py": "hello.py", "tests/e2e/test_hello.py": "test_hello.py"}


@dataclass(frozen=True)
class Written:
    """The files of a project, by their paths in its folder: those that were made, and those that were there."""

    made: tuple[str, ...]
    kept: tuple[str, ...]


def write_project(folder: Path) -> Written:
    """Write what a project in `folder` lacks; the example, a DAG with its test, only where no DAGs folder is.

    Raises UsageError, before anything is written, for a pyproject.toml without `[tool.harness]` and for a file in the
    place of a folder.
    """
    wanted = COMMON if (folder / "dags").is_dir() else {**COMMON, **EXAMPLE}
    _check(folder, wanted)
    there = {path for path in wanted if os.path.lexists(folder / path)}
    for path in wanted.keys() - there:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        text = files("harness.starter").joinpath("files", wanted[path]).read_text()
        (folder / path).write_text(text.replace("{version}", version(PACKAGE)))
    return Written(tuple(path for path in wanted if path not in there), tuple(path for path in wanted if path in there))


def _check(folder: Path, wanted: Mapping[str, str]) -> None:
    if (folder / SETTINGS).exists() and not has_table(folder):
        raise UsageError(
            f"{folder / SETTINGS} is there and has no [tool.harness] table",
            next_step="add the line `[tool.harness]` to it: each setting has a default",
        )
    for above in sorted({folder / parent for path in wanted for parent in Path(path).parents}):
        if os.path.lexists(above) and not above.is_dir():
            raise UsageError(f"{above} is no folder", next_step="move it, or make the project in another folder")
