"""What DAGs of every day do beside running tasks: each counts as Airflow means it."""

import pytest

from harness import Run, Runs

pytestmark = pytest.mark.timeout(240, func_only=True)

TRIES = {
    # Of `other`, which the branch leaves out, there is no try; `start` and `end` are tries without a pod.
    "e2e_branch": {"start": 1, "choose": 1, "work": 1, "skip_itself": 1, "end": 1},
    "e2e_waits": {"reschedule": 1, "defer": 1},
    "e2e_groups": {"set_up": 1, "find_none": 1, "group.inner[0]": 1, "group.inner[1]": 1, "tear_down": 1},
}


@pytest.fixture(scope="module")
def started(shared_runs: Runs) -> dict[str, Run]:
    """Start all of them at once, for they wait more than they work."""
    return {dag_id: shared_runs.start(dag_id) for dag_id in TRIES}


@pytest.mark.parametrize("dag_id", TRIES)
def test_dag_is_as_it_should_be(started: dict[str, Run], dag_id: str) -> None:
    run = started[dag_id]
    run.wait(timeout_s=180)
    run.check(TRIES[dag_id])


def test_waiting_task_has_a_pod_each_time_that_it_begins(started: dict[str, Run]) -> None:
    run = started["e2e_waits"]
    run.wait(timeout_s=180)
    pods = [pod.key.task_id for pod in run.pods]
    assert sorted(pods) == ["defer", "defer", "reschedule", "reschedule"], run.timeline


def test_tasks_of_the_scheduler_alone_have_no_pod(started: dict[str, Run]) -> None:
    run = started["e2e_branch"]
    run.wait(timeout_s=180)
    assert sorted(pod.key.task_id for pod in run.pods) == ["choose", "skip_itself", "work"], run.timeline
    assert {ti.task_id: ti.state for ti in run.task_instances}["other"] == "skipped"
