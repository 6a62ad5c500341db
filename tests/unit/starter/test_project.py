"""`init`: what it writes works together, and what is there stays as it is."""

import ast
import tomllib
from pathlib import Path

import pytest
import yaml

from harness.errors import UsageError
from harness.settings import HELM, load_settings
from harness.starter.project import write_project
from support.pages import BLOCK, ROOT

from ..cli.invoke import invoke
from ..docs.test_commands import check_harness

ALL = ("pyproject.toml", ".gitignore", ".github/workflows/e2e.yml", "dags/hello.py", "tests/e2e/test_hello.py")


def files_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_empty_folder_gets_all_files(tmp_path: Path) -> None:
    written = write_project(tmp_path)
    assert (written.made, written.kept) == (ALL, ())
    assert files_of(tmp_path).keys() == set(ALL)


def test_second_init_changes_nothing(tmp_path: Path) -> None:
    write_project(tmp_path)
    before = files_of(tmp_path)
    assert write_project(tmp_path).made == ()
    assert files_of(tmp_path) == before


def test_files_that_are_there_stay(tmp_path: Path) -> None:
    own = {"pyproject.toml": "[tool.harness]\nworkers = 1\n", ".gitignore": "mine\n", ".github/workflows/e2e.yml": "{}"}
    for path, text in own.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    written = write_project(tmp_path)
    assert set(written.kept) == own.keys()
    assert own.items() <= files_of(tmp_path).items()


def test_link_that_leads_nowhere_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").symlink_to(tmp_path / "elsewhere")
    assert ".gitignore" in write_project(tmp_path).kept
    assert not (tmp_path / "elsewhere").exists()


def test_folder_with_dags_gets_no_example(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    assert not [path for path in write_project(tmp_path).made if "hello" in path]


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("pyproject.toml", "[project]\nname = 'team'\n", r"pyproject.toml is there and has no \[tool.harness\] table"),
        ("pyproject.toml", "[tool", "pyproject.toml is not TOML"),
        ("tests", "a file", "tests is no folder"),
        ("dags", "a file", "dags is no folder"),
    ],
)
def test_what_is_in_the_way_is_named(tmp_path: Path, path: str, text: str, message: str) -> None:
    (tmp_path / path).write_text(text)
    with pytest.raises(UsageError, match=message):
        write_project(tmp_path)
    assert files_of(tmp_path) == {path: text}


def test_settings_are_the_defaults(tmp_path: Path) -> None:
    write_project(tmp_path)
    settings = load_settings(start=tmp_path)
    assert settings.dags_folder == tmp_path / "dags"
    assert (settings.chart_folder, settings.values_files) == (HELM / "tools", [HELM / "values/kind.yaml"])
    (needed,) = tomllib.loads((tmp_path / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    assert needed.startswith("airflow-kind-harness[pytest]==")


def test_test_is_the_first_example_of_the_readme(tmp_path: Path) -> None:
    write_project(tmp_path)
    shown = next(text for _, language, text in BLOCK.findall((ROOT / "README.md").read_text()) if language == "python")
    made = ast.parse((tmp_path / "tests/e2e/test_hello.py").read_text())
    assert [ast.dump(node) for node in made.body[1:]] == [ast.dump(node) for node in ast.parse(shown).body]


def test_commands_of_the_workflow_exist(tmp_path: Path) -> None:
    write_project(tmp_path)
    workflow = yaml.safe_load((tmp_path / ".github/workflows/e2e.yml").read_text())
    commands = [step["run"].split() for step in workflow["jobs"]["e2e"]["steps"] if "run" in step]
    ours = [words for program, *words in commands if program == "harness"]
    assert ["test"] in ours
    for words in ours:
        check_harness(words, is_prose=False)


def test_init_tells_what_was_made_and_what_is_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("init")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()[:5]] == [["made", path] for path in ALL]
    assert result.stdout.splitlines()[-1].startswith("next: ")
    assert ["kept", "pyproject.toml"] in [line.split() for line in invoke("init").stdout.splitlines()]
