"""Folders as people have them: what is refused before anything is imported, and that the rest arrives as it is."""

import os
from pathlib import Path

import pytest

from harness.delivery.pack import pack
from harness.delivery.shards import cut
from harness.gate.problem import RefusedError
from unit.delivery.reader import dag_versions

from .cases import CASES


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.refused])
def test_folder_that_cannot_arrive_is_refused(name: str, tmp_path: Path) -> None:
    folder = CASES[name].make(tmp_path / "dags")
    with pytest.raises(RefusedError) as caught:
        pack(folder)
    told = [str(problem).removeprefix("dags/") for problem in caught.value.problems]
    assert len(told) == len(CASES[name].refused)
    assert all(line.startswith(start) for line, start in zip(told, CASES[name].refused, strict=True))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.refused])
def test_folder_arrives_as_it_is(name: str, tmp_path: Path) -> None:
    folder = CASES[name].make(tmp_path / "dags")
    arrived = tmp_path / "arrived"
    arrived.mkdir()
    dag_versions.unpack((shard.pack() for shard in cut(pack(folder))), arrived)
    assert state_of(arrived) == {path: state for path, state in state_of(folder).items() if path != ".secrets"}


def state_of(folder: Path) -> dict[str, tuple[bytes, bool] | None]:
    """Return content and whether it can be executed of each file, None for a folder."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), os.access(path, os.X_OK)) if path.is_file() else None
        for path in folder.rglob("*")
    }
