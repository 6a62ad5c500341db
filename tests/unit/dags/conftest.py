"""Imports all DAG files with Airflow's SDK, which takes seconds: beside the other tests, and these come last."""

import json
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.command import run

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

Loaded = dict[str, list[dict[str, Any]]]
LOADING = pytest.StashKey[Future[Loaded]]()


def load() -> Loaded:
    """Return what each file registers."""
    with tempfile.TemporaryDirectory() as home:
        result = run([sys.executable, "-c", LOAD, *map(str, FILES)], env={"AIRFLOW_HOME": home}, timeout_s=60)
    found: Loaded = json.loads(result.stdout.splitlines()[-1])
    return found


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of this folder last."""
    items.sort(key=lambda item: "loaded" in getattr(item, "fixturenames", ()))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to load when a test wants it."""
    if session.config.option.collectonly or not any("loaded" in item.fixturenames for item in session.items):  # type: ignore[attr-defined]
        return
    executor = ThreadPoolExecutor(1)
    session.config.stash[LOADING] = executor.submit(load)
    executor.shutdown(wait=False)


@pytest.fixture(scope="session")
def loaded(request: pytest.FixtureRequest) -> Loaded:
    """Return what each file registers."""
    return request.config.stash[LOADING].result()
