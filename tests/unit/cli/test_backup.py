"""`backup` and `restore` on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.backup.archive import Manifest
from harness.backup.steps import Backup
from harness.environment import Environment
from harness.errors import UsageError
from harness.steps import Reporter

from .invoke import invoke

HELD = Manifest("dev", "2026-11-22T12:00:00+00:00", "3.3.2", "d2f4e1b3c5a7", 12)
PATH = Path("/state/backups/a.backup")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what the environment was asked to write or restore."""
    made: list[Any] = []

    def answer(_: Environment, path: Path | None, reporter: Reporter, **others: Any) -> Backup:
        made.append((path, others))
        reporter.ended("dump", "done", 1.0)
        return Backup(path or PATH, 3 * 1024**2, HELD)

    monkeypatch.setattr(Environment, "backup", answer)
    monkeypatch.setattr(Environment, "restore", answer)
    return made


def test_backup_says_where_the_file_is_and_what_it_holds(asked: list[Any]) -> None:
    result = invoke("backup")
    assert asked == [(None, {})]
    assert f"written: {PATH} (3.0 MiB)" in result.stdout
    assert "of `dev`, Airflow 3.3.2, 2026-11-22T12:00:00+00:00; DAG runs: 12" in result.stdout
    assert "dump" in result.stdout
    assert "like a password" in result.stderr


@pytest.mark.parametrize("verb", ["backup", "restore"])
def test_for_programs_the_steps_are_no_part_of_the_output(asked: list[Any], verb: str) -> None:
    result = invoke(verb, "--json", "a.backup")
    assert asked[0][0] == Path("a.backup")
    assert "dump" in result.stderr
    shown = json.loads(result.stdout)
    assert (shown["path"], shown["size_bytes"], shown["manifest"]["dag_runs"]) == ("a.backup", 3 * 1024**2, 12)


def test_restore_ends_running_tasks_only_when_told(asked: list[Any]) -> None:
    assert "restored: a.backup" in invoke("restore", "a.backup").stdout
    invoke("restore", "a.backup", "--force")
    assert [others for _, others in asked] == [{"force": False}, {"force": True}]


def test_restore_wants_a_file(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise UsageError("a.backup is not there")

    assert invoke("restore").exit_code == 2
    assert asked == []
    monkeypatch.setattr(Environment, "restore", refuse)
    assert isinstance(invoke("restore", "a.backup").exception, UsageError)
