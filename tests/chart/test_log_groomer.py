"""What keeps a folder of logs within bounds, as the sidecar runs it."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType

import pytest

from .render import CHART

NOW = 1_000_000_000.0
DAY_S = 24 * 3600


@pytest.fixture
def groomer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(CHART / "files")
    return importlib.import_module("groom_logs")


def write(folder: Path, name: str, size_bytes: int, age_s: float) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size_bytes)
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_parses_that_fill_the_folder_stay_below_the_bound(groomer: ModuleType, tmp_path: Path) -> None:
    bound = 10_000
    for parse in range(100):
        for name in ("a.py.log", "b.py.log", "c.py.log"):
            path = tmp_path / "dags" / name
            path.parent.mkdir(exist_ok=True)
            with path.open("ab") as file:  # as Airflow does
                file.write(b"x" * 700)
            os.utime(path, (NOW + parse, NOW + parse))
        groomer.groom(tmp_path, bound, 0, NOW + parse)
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.log")) <= bound


def test_oldest_files_go_first_and_only_as_many_as_must(groomer: ModuleType, tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path, f"{number}.log", 100, age_s=10 - number)
    groomer.groom(tmp_path, 250, 0, NOW)
    assert left(tmp_path) == ["3.log", "4.log"]


def test_files_older_than_the_days_go_whatever_their_size(groomer: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "old.log", 1, age_s=8 * DAY_S)
    write(tmp_path, "new.log", 1000, age_s=6 * DAY_S)
    groomer.groom(tmp_path, 0, 7, NOW)
    assert left(tmp_path) == ["new.log"]


def test_without_bounds_all_stays(groomer: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "old.log", 1000, age_s=1000 * DAY_S)
    assert groomer.groom(tmp_path, 0, 0, NOW) == []


def test_empty_folder_goes_the_day_after_and_links_stay(groomer: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "2020-01-01/a.py.log", 10, age_s=9 * DAY_S)
    write(tmp_path, "2020-01-09/a.py.log", 10, age_s=0)
    (tmp_path / "latest").symlink_to("2020-01-09")
    groomer.groom(tmp_path, 0, 1, NOW)
    os.utime(tmp_path / "2020-01-01", (NOW - 2 * DAY_S, NOW - 2 * DAY_S))
    groomer.groom(tmp_path, 0, 1, NOW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2020-01-09", "latest"]
