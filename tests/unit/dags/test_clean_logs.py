"""The script that removes old task logs."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import ROOT

pytestmark = pytest.mark.processes

SCRIPT = ROOT / "dags" / "jobs" / "clean_logs.sh"
DAY_S = 24 * 3600


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    for path, days in {
        "dag_id=a/run_id=1/attempt=1.log": 40,
        "dag_id=a/run_id=2/attempt=1.log": 29.9,
        "dag_id=b/run_id=odd name\n/attempt=1.log": 31,
        "dag_id=b/notes.txt": 40,
    }.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("12345")
        set_age(file, days)
    for made in sorted(folder.rglob("*")):
        if made.is_dir():
            set_age(made, 40)
    return folder


def set_age(path: Path, days: float) -> None:
    then = time.time() - days * DAY_S
    os.utime(path, (then, then))


def clean(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", SCRIPT, *args], capture_output=True, text=True, check=False)


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_old_logs_go_and_all_else_stays(logs: Path) -> None:
    done = clean(logs, "30")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"files": 2, "bytes": 10}
    assert left(logs) == {"dag_id=a/run_id=2/attempt=1.log", "dag_id=b/notes.txt"}


def test_a_second_run_finds_nothing(logs: Path) -> None:
    clean(logs, "30")
    assert json.loads(clean(logs, "30").stdout) == {"files": 0, "bytes": 0}


def test_empty_folders_go_but_not_new_ones(logs: Path) -> None:
    old, new = logs / "dag_id=old", logs / "dag_id=new"
    old.mkdir()
    new.mkdir()
    set_age(old, 1)
    clean(logs, "30")
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "many", "30; rm -rf /"])
def test_other_than_whole_days_are_refused(logs: Path, days: str) -> None:
    before = left(logs)
    done = clean(logs, days)
    assert done.returncode == 2
    assert "not a whole number above 0" in done.stderr
    assert left(logs) == before


@pytest.mark.parametrize("folder", ["/", "/nonexistent", "/../"])
def test_the_root_and_a_missing_folder_are_refused(folder: str) -> None:
    done = clean(folder, "30")
    assert done.returncode == 2
    assert "is no folder of logs" in done.stderr
