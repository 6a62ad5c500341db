"""Every DAG file imports, and holds the one DAG that its name says; one with a schedule says all that a job must."""

from pathlib import Path
from typing import Any

import pytest

from harness.delivery.pack import pack

from .conftest import FILES, FOLDERS, Loaded

OWN = [file for file in FILES if file.parent == FOLDERS[0]]
JOBS = ("call_api", "load_database", "move_files", "run_script")
# Used in tasks; a DAG file that loads them itself costs the dag-processor and every worker pod their time.
HEAVY = ("httpx", "numpy", "pandas", "psycopg", "psycopg2", "airflow.providers.postgres")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_holds_one_dag_of_its_name(loaded: Loaded, file: Path) -> None:
    (dag,) = loaded[str(file)]
    assert dag["dag_id"] == file.stem
    assert dag["tags"]


@pytest.mark.parametrize("file", [file for file in FILES if file.stem not in JOBS], ids=lambda file: file.stem)
def test_only_jobs_run_by_themselves(loaded: Loaded, file: Path) -> None:
    assert loaded[str(file)][0]["schedule"] is None


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.stem)
def test_dag_is_documented_in_the_ui(loaded: Loaded, file: Path) -> None:
    assert loaded[str(file)][0]["doc"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_leaves_to_its_tasks_what_only_they_need(loaded: Loaded, file: Path) -> None:
    assert not set(HEAVY) & set(loaded[str(file)][0]["loaded"])


@pytest.fixture(params=JOBS)
def job(loaded: Loaded, request: pytest.FixtureRequest) -> dict[str, Any]:
    return loaded[str(FOLDERS[0] / f"{request.param}.py")][0]


def test_job_has_a_cron_schedule_and_does_not_catch_up(job: dict[str, Any]) -> None:
    assert len(job["schedule"].split()) == 5
    assert job["starts"].endswith("+00:00")
    assert job["catchup"] is False
    assert job["max_active_runs"] <= 4


def test_job_has_an_owner_a_tag_and_a_deadline(job: dict[str, Any]) -> None:
    assert {task["owner"] for task in job["tasks"]} <= {"platform", "registry"}
    assert "job" in job["tags"]
    assert len(job["deadlines"]) == 1


def test_task_of_a_job_is_retried_and_ends(job: dict[str, Any]) -> None:
    for task in job["tasks"]:
        assert task["retries"] >= 2
        assert task["limit"]


def test_job_says_what_a_rerun_and_a_missed_run_do(job: dict[str, Any]) -> None:
    assert "**Rerun.**" in job["doc"]
    assert "**Catchup.**" in job["doc"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_folder_can_be_delivered(folder: Path) -> None:
    assert pack(folder).size_bytes < 100_000
