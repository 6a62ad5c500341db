"""The DAGs of `dags/` as the scheduler gets them: serialized, with schedules that it understands."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

# When a run of each job is due after midnight of 24 November 2026, and the tasks of the job.
DUE = {
    "call_api": ("01:15", ["request"]),
    "load_database": ("05:00", ["load"]),
    "move_files": ("00:15", ["move_incoming"]),
    "run_script": ("03:30", ["clean_logs"]),
}


@pytest.fixture
def serialized(dags: dict[str, Any]) -> dict[str, Any]:
    from airflow.serialization.serialized_objects import DagSerialization  # noqa: PLC0415 - after the settings

    return {
        dag_id: DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)) for dag_id, dag in dags.items()
    }


def test_all_dags_can_be_serialized(serialized: dict[str, Any]) -> None:
    assert set(DUE) < set(serialized)


@pytest.mark.parametrize("dag_id", DUE)
def test_job_has_its_tasks_and_is_due_when_its_cron_says(serialized: dict[str, Any], dag_id: str) -> None:
    due, tasks = DUE[dag_id]
    dag = serialized[dag_id]
    assert [task.task_id for task in dag.tasks] == tasks
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    times = [
        info.run_after
        for info in dag.iter_dagrun_infos_between(midnight + timedelta(seconds=1), midnight.replace(hour=6))
    ]
    assert times[0].strftime("%H:%M") == due


@pytest.mark.parametrize("dag_id", ["load_database", "move_files"])
def test_only_the_pods_of_jobs_with_files_mount_them(serialized: dict[str, Any], dag_id: str) -> None:
    (task,) = serialized[dag_id].tasks
    (volume,) = task.executor_config["pod_override"].spec.volumes
    assert volume.persistent_volume_claim.claim_name == "shared-files"
    others = [
        t for other in serialized.values() for t in other.tasks if other.dag_id not in {"load_database", "move_files"}
    ]
    assert not any(task.executor_config for task in others)


def test_policy_fails_what_was_refused_and_waits_as_asked(dags: dict[str, Any]) -> None:
    from jobs.errors import RejectedError, UnavailableError  # noqa: PLC0415 - by then the bundle is on the path

    policy = dags["call_api"].get_task("request").retry_policy

    def decide(error: Exception) -> Any:
        return policy.evaluate(error, try_number=1, max_tries=5)

    assert decide(RejectedError("no")).action.value == "fail"
    assert decide(UnavailableError("later", 7)).retry_delay == timedelta(seconds=7)
    assert decide(UnavailableError("later")).action.value == "default"
    assert decide(OSError("of another kind")).action.value == "default"
