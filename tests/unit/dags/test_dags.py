"""Every DAG file imports, and holds the one DAG that its name says."""

from pathlib import Path

import pytest

from harness.delivery.dag_ids import find_dag_ids
from harness.delivery.pack import pack

from .conftest import FILES, FOLDERS, Loaded


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_holds_one_dag_of_its_name(loaded: Loaded, file: Path) -> None:
    (dag,) = loaded[str(file)]
    assert dag["dag_id"] == file.stem
    assert dag["tags"]
    assert dag["schedule"] == "None"
    assert find_dag_ids(file.read_text()) == {file.stem}


@pytest.mark.parametrize("file", [file for file in FILES if file.parent == FOLDERS[0]], ids=lambda file: file.stem)
def test_dag_is_documented_in_the_ui(loaded: Loaded, file: Path) -> None:
    assert loaded[str(file)][0]["doc"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_folder_can_be_delivered(folder: Path) -> None:
    assert pack(folder).size_bytes < 100_000
