"""Every command that the documentation shows exists, with its arguments and options."""

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from harness.cli.app import app
from support.pages import PAGES, ROOT, read_blocks, read_prose

CLI = typer.main.get_command(app)


def check_harness(words: list[str], *, is_prose: bool) -> None:
    """Parse the command as `harness` does, without running it; a sentence may name one without its arguments."""
    context = CLI.make_context("harness", list(words))
    command: Any = CLI
    while hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        if is_prose and all(word.startswith("-") for word in rest):
            rest = [*rest, *("any" for one in command.params if one.required)]
        context = command.make_context(name, rest, parent=context)


def targets_of(makefile: Path) -> set[str]:
    """Return the targets of a Makefile."""
    lines = re.findall(r"^([\w ./-]+):(?!=)", makefile.read_text(), re.MULTILINE)
    return {target for line in lines for target in line.split()}


def check_make(words: list[str], folder: Path) -> None:
    named = [word for word in words if "=" not in word and not word.startswith("-")]
    assert set(named) <= targets_of(folder / "Makefile"), f"no such target: make {' '.join(words)}"


def check_tox(words: list[str]) -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    named = words[words.index("-e") + 1].split(",") if "-e" in words else []
    assert all(f"testenv:{name}" in tox for name in named if not name.isupper()), f"no such environment: {named}"


def check_page(text: str) -> int:
    """Check each command of a page, and return how many there are."""
    prose, count = list(read_prose(text)), 0
    folder = ROOT
    for program, *words in [*prose, *read_blocks(text)]:
        count += 1
        match program.removeprefix(".venv/bin/"):
            case "harness":
                check_harness(words, is_prose=[program, *words] in prose)
            case "make":
                check_make(words, folder)
            case "tox":
                check_tox(words)
            case _:
                count -= 1
        folder = ROOT / words[0] if program == "cd" and words and (ROOT / words[0]).is_dir() else ROOT
    return count


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_the_page_exist(page: Path) -> None:
    check_page(page.read_text())


def test_the_pages_show_commands_in_hundreds() -> None:
    assert sum(check_page(page.read_text()) for page in PAGES) > 100


@pytest.mark.parametrize(
    "text",
    [
        "`harness upp`",
        "`harness up --workerz 1`",
        "```sh\nharness dags run\n```",
        "```sh\nharness dags sync --forced   # overwrite\n```",
        "```console\n$ harness dags rollback 1 2\n```",
        "`harness --name mine dags\nwatchh`",
    ],
)
def test_command_that_harness_does_not_know_is_found(text: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|missing|unexpected"):
        check_page(text)


@pytest.mark.parametrize("text", ["`make dev-upp`", "```sh\ncd helm/tools && make dev-up\n```", "`tox run -e unitt`"])
def test_target_or_environment_that_is_not_there_is_found(text: str) -> None:
    with pytest.raises(AssertionError, match="no such"):
        check_page(text)
