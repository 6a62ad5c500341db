"""Imports all DAG files with Airflow's SDK, which takes seconds: beside the other tests, and these come last."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = (ROOT / "dags", ROOT / "tests" / "e2e" / "dags")
FILES = [file for folder in FOLDERS for file in sorted(folder.glob("*.py"))]

# In a process of its own: Airflow configures logging and the database for the whole process that imports it.
LOAD = """
import json, pathlib, runpy, sys
from airflow.sdk.definitions._internal.contextmanager import DagContext
found = {}
for file in sys.argv[1:]:
    DagContext.autoregistered_dags.clear()
    DagContext.current_autoregister_module_name = module = "dag_file"
    sys.path.append(str(pathlib.Path(file).parent))  # as Airflow does for each bundle
    before = set(sys.modules)
    runpy.run_path(file, run_name=module)
    found[file] = [
        {
            "dag_id": dag.dag_id,
            "doc": dag.doc_md,
            "tags": sorted(dag.tags),
            "schedule": dag.schedule,
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "starts": str(dag.start_date),
            "deadlines": [alert.name for alert in dag.deadline or ()],
            "tasks": [
                {"owner": task.owner, "retries": task.retries, "limit": bool(task.execution_timeout)}
                for task in dag.tasks
            ],
            "loaded": sorted(set(sys.modules) - before),
        }
        for dag, _ in DagContext.autoregistered_dags
    ]
print(json.dumps(found))
"""

Loaded = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Loading:
    """The process that loads the files, and the folder that is Airflow's home for it."""

    process: subprocess.Popen[str]
    home: tempfile.TemporaryDirectory[str]


LOADING = pytest.StashKey[Loading]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of this folder last."""
    items.sort(key=lambda item: "loaded" in getattr(item, "fixturenames", ()))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to load when a test wants it."""
    if session.config.option.collectonly or not any("loaded" in item.fixturenames for item in session.items):  # type: ignore[attr-defined]
        return
    home = tempfile.TemporaryDirectory()
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD, *map(str, FILES)],
        env={**os.environ, "AIRFLOW_HOME": home.name},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    session.config.stash[LOADING] = Loading(process, home)


@pytest.fixture(scope="session")
def loaded(request: pytest.FixtureRequest) -> Iterator[Loaded]:
    """Return what each file registers."""
    loading = request.config.stash[LOADING]
    out, err = loading.process.communicate(timeout=60)
    assert loading.process.returncode == 0, err
    yield json.loads(out.splitlines()[-1])
    loading.home.cleanup()
