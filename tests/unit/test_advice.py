"""How a person calls the harness for an environment, which every `next:` says."""

import re
import sys
from pathlib import Path

import pytest

import harness
from harness.advice import explain, find_command
from harness.errors import HarnessError, Verb

from .samples import make_executable


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = make_executable(tmp_path / ".venv" / "bin" / "harness")
    monkeypatch.setattr(sys, "argv", [str(made), "up"])
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.chdir(tmp_path)
    return made


@pytest.mark.usefixtures("script")
def test_command_is_the_shortest_that_works_here() -> None:
    assert find_command() == ".venv/bin/harness"


def test_command_far_from_here_is_absolute(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/usr/share")
    assert find_command() == str(script)


def test_command_on_path_is_its_name(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(script.parent))
    assert find_command("dev") == "harness"
    assert find_command("ci") == "harness --name ci"


def test_pytest_names_the_command_beside_its_python(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(sys, "executable", str(script.with_name("python")))
    assert find_command("ci") == ".venv/bin/harness --name ci"


@pytest.mark.usefixtures("script")
def test_error_is_explained_for_its_environment() -> None:
    assert explain(HarnessError("x", next_step=Verb("logs")), "ci") == ".venv/bin/harness --name ci logs"
    assert explain(HarnessError("x"), "ci") == ""


def test_no_message_knows_a_makefile_or_an_environment_s_name() -> None:
    package = Path(harness.__file__).parent
    known = re.compile(r"make (dev-|dags|e2e|doctor)|harness --name|--name \{")
    found = [
        f"{path.relative_to(package)}: {line.strip()}"
        for path in package.rglob("*.py")
        if path.name != "advice.py"
        for line in path.read_text().splitlines()
        if known.search(line)
    ]
    assert found == []
