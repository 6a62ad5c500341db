"""Runs of test sessions that were killed: the next session ends them."""

import re
import uuid

from harness.tools.airflow import AirflowApi
from harness.tools.airflow_records import DagRun

RUN_ID = re.compile(r"test-(\d+)-[0-9a-f]{12}")


def make_run_id(process_id: int) -> str:
    """Return a run id that no other run has, and that tells which process started it."""
    return f"test-{process_id}-{uuid.uuid4().hex[:12]}"


def end_leftovers(airflow: AirflowApi) -> list[DagRun]:
    """Mark the unfinished runs failed whose process is no more, which ends their pods, and return them."""
    left = [run for run in airflow.unfinished_runs() if _is_left(run.run_id)]
    for run in left:
        airflow.fail_run(run.dag_id, run.run_id)
    return left


def is_run_of(process_id: int, run_id: str) -> bool:
    """Return whether the process made this run id."""
    match = RUN_ID.fullmatch(run_id)
    return match is not None and int(match[1]) == process_id


def _is_left(run_id: str) -> bool:
    import psutil

    match = RUN_ID.fullmatch(run_id)
    return match is not None and not psutil.pid_exists(int(match[1]))
