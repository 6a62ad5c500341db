"""Every DAG file imports, and holds the one DAG that its name says."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.command import run
from harness.delivery.dag_ids import find_dag_ids
from harness.delivery.pack import pack

ROOT = Path(__file__).parents[3]
FOLDERS = (ROOT / "dags", ROOT / "tests" / "e2e" / "dags")
FILES = [file for folder in FOLDERS for file in sorted(folder.glob("*.py"))]

# In a process of its own: Airflow configures logging and the database for the whole process that imports it.
LOAD = """
import json, runpy, sys
from airflow.sdk.definitions._internal.contextmanager import DagContext
found = {}
for file in sys.argv[1:]:
    DagContext.autoregistered_dags.clear()
    DagContext.current_autoregister_module_name = module = "dag_file"
    runpy.run_path(file, run_name=module)
    found[file] = [
        {"dag_id": dag.dag_id, "doc": dag.doc_md, "tags": sorted(dag.tags), "schedule": str(dag.schedule)}
        for dag, _ in DagContext.autoregistered_dags
    ]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Import all files with Airflow's SDK, once."""
    environment = {"AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow"))}
    result = run([sys.executable, "-c", LOAD, *map(str, FILES)], env=environment, timeout_s=60)
    found: dict[str, list[dict[str, Any]]] = json.loads(result.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_holds_one_dag_of_its_name(loaded: dict[str, list[dict[str, Any]]], file: Path) -> None:
    (dag,) = loaded[str(file)]
    assert dag["dag_id"] == file.stem
    assert dag["tags"]
    assert dag["schedule"] == "None"
    assert find_dag_ids(file.read_text()) == {file.stem}


@pytest.mark.parametrize("file", [file for file in FILES if file.parent == FOLDERS[0]], ids=lambda file: file.stem)
def test_dag_is_documented_in_the_ui(loaded: dict[str, list[dict[str, Any]]], file: Path) -> None:
    assert loaded[str(file)][0]["doc"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_folder_can_be_delivered(folder: Path) -> None:
    assert pack(folder).size_bytes < 100_000
