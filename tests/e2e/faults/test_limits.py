"""Limits: tasks above them wait without a pod, and retries wait as long as Airflow's formula says."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from harness import AirflowApi, AirflowEnv, Run, Runs, TaskInstance, wait_until
from harness.faults import Faults, exhaust_quota
from support.admin import make_pool, open_slots, remove_pool
from support.backoff import LONGEST_S, backoff_s
from support.times import most_at_once

from .components import is_refused

pytestmark = pytest.mark.timeout(240, func_only=True)

POOL = "e2e_pool_of_two"
TASKS = {f"work[{index}]": 1 for index in range(6)}
LATE_S = 6


@pytest.fixture(scope="module")
def pool(airflow: AirflowApi) -> Iterator[str]:
    make_pool(airflow, POOL, 2)
    yield POOL
    remove_pool(airflow, POOL)


@pytest.fixture(scope="module")
def batch(shared_runs: Runs, pool: str) -> dict[str, Run]:  # noqa: ARG001 - the pool comes first
    # Without a logical date, by which the formula of the backoff goes, too.
    dag_ids = ("e2e_pool", "e2e_max_active_tasks", "e2e_backoff")
    return {dag_id: shared_runs.start(dag_id, logical_date=None) for dag_id in dag_ids}


@pytest.mark.parametrize("dag_id", ["e2e_pool", "e2e_max_active_tasks"])
def test_no_more_pods_than_the_limit_are_at_work(batch: dict[str, Run], fault: Faults, dag_id: str) -> None:
    run = batch[dag_id]
    run.wait(timeout_s=180)
    run.check(TASKS)
    spans = [(ti.start, ti.end) for ti in run.tries if ti.start and ti.end]
    first = min(start for start, _ in spans)
    fault.note("six tasks want to run, two may", f"at most {most_at_once(spans)} ran at once", first, run=run)
    assert most_at_once(spans) == 2, run.timeline


def test_pool_has_all_its_slots_again(batch: dict[str, Run], pool: str, airflow: AirflowApi) -> None:
    batch["e2e_pool"].wait(timeout_s=180)
    assert open_slots(airflow, pool) == 2


@pytest.mark.parametrize(("task_id", "most_s"), [("free", LONGEST_S), ("limited", 5.0)], ids=["free", "limited"])
def test_retries_come_when_the_formula_says(batch: dict[str, Run], fault: Faults, task_id: str, most_s: float) -> None:
    run = batch["e2e_backoff"]
    run.wait(timeout_s=180)
    run.check({"free": 3, "limited": 3})
    own = sorted((ti for ti in run.tries if ti.task_id == task_id), key=lambda ti: ti.try_number)
    fault.note("the task raises twice", f"tries 1 and 2 of {task_id} failed", own[0].end, run=run)
    for before, after in pairwise(own):
        wanted = backoff_s(run.dag_id, task_id, before.try_number, delay_s=4, multiplier=2, max_delay_s=most_s)
        assert wanted <= waited_s(before, after) <= wanted + LATE_S, run.timeline


def waited_s(before: TaskInstance, after: TaskInstance) -> float:
    """Return the seconds from the end of a try until the next was scheduled."""
    assert before.end
    assert after.scheduled
    return (after.scheduled - before.end).total_seconds()


def test_task_waits_without_a_pod_while_the_namespace_is_full(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults
) -> None:
    action = exhaust_quota(airflow_env.kubernetes, airflow_env.namespace, airflow_env.settings.name)
    with fault("the namespace is full", action) as injection:
        run = runs.start("e2e_chain")
        wait_until(
            "a task that Airflow has queued", lambda: is_refused(airflow_env, run, "exceeded quota"), timeout_s=60
        )
        assert not run.pods
    run.wait(timeout_s=90)
    fault.note_recovery(injection)
    run.check({"first": 1, "second": 1, "third": 1})
