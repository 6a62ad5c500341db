"""Leftovers: the runs of a session that was killed are ended, and nobody else's."""

import os
import re

import pytest

from harness.observe.leftovers import end_leftovers, make_run_id

from ..fakes.airflow import FakeAirflow

# Above the kernel's highest, so no process has it.
NO_PROCESS = 2**22 + 1


@pytest.fixture
def airflow() -> FakeAirflow:
    return FakeAirflow()


def test_run_id_is_new_each_time() -> None:
    assert make_run_id(7) != make_run_id(7)
    assert re.fullmatch(r"test-7-[0-9a-f]{12}", make_run_id(7))


def test_only_runs_of_a_session_that_is_no_more_are_ended(airflow: FakeAirflow) -> None:
    left = make_run_id(NO_PROCESS)
    for run_id in (make_run_id(os.getpid()), left, "manual__2026-11-24", "test-x"):
        airflow.runs.append({"dag_id": "example", "dag_run_id": run_id, "state": "running"})
        airflow.answers[f"/api/v2/dags/example/dagRuns/{run_id}"] = {}
    assert [run.run_id for run in end_leftovers(airflow.client())] == [left]
    assert airflow.paths("PATCH") == [f"/api/v2/dags/example/dagRuns/{left}"]
