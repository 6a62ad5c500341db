"""Another component than the scheduler dies while a task runs: the task runs on in its pod."""

import pytest

from harness.faults.components import pod_deleted
from harness.faults.ledger import Faults
from harness.observe.expectations import expect_all_succeeded, expect_tries
from harness.observe.follower import utc_now
from harness.observe.runs import Runs
from harness.pytest_plugin import AirflowEnv
from harness.waiting import NotYet, wait_until

from .components import check_available, check_unharmed

pytestmark = pytest.mark.timeout(300, func_only=True)

# What e2e_deferred waits from the run's begin, and what its trigger may come late.
DEFERRED_S = 45
RESUMED_WITHIN_S = 60


@pytest.mark.parametrize("component", ["api-server", "postgresql"])
def test_running_task_outlives_the_component_s_death(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults, component: str
) -> None:
    run = runs.start("e2e_bystander", {"seconds": 60})
    pod = run.wait_until_running("wait")

    action = pod_deleted(airflow_env.kubernetes, airflow_env.namespace, component, by_force=True)
    with fault(f"the pod of {component} is deleted by force", action) as injection:
        pass
    run.wait(timeout_s=150)
    fault.recovered(injection)

    check_unharmed(airflow_env, run, pod)


def test_known_dag_runs_while_the_dag_processor_is_away(airflow_env: AirflowEnv, runs: Runs, fault: Faults) -> None:
    action = pod_deleted(airflow_env.kubernetes, airflow_env.namespace, "dag-processor", by_force=True)
    with fault("the pod of dag-processor is deleted by force", action) as injection:
        run = runs.start("e2e_bystander", {"seconds": 1})
        pod = run.wait_until_running("wait")
        fault.recovered(injection)
    run.wait(timeout_s=90)

    check_unharmed(airflow_env, run, pod)


def test_deferred_task_resumes_at_its_time_after_the_triggerer_died(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults
) -> None:
    begin = utc_now()
    run = runs.start("e2e_deferred")

    def deferred() -> bool | NotYet:
        states = [ti.state for ti in run.task_instances]
        return True if states == ["deferred"] else NotYet(f"task: {states}")

    wait_until("the task deferred", deferred, timeout_s=40)
    action = pod_deleted(airflow_env.kubernetes, airflow_env.namespace, "triggerer", by_force=True)
    with fault("the pod of triggerer is deleted by force", action) as injection:
        pass
    run.wait(timeout_s=120)
    fault.recovered(injection)

    expect_tries(run.tries, {"wait": 1}, run.pods)
    expect_all_succeeded(run.tries, run.pods)
    # A deferral is the named exception from one pod per try: one pod until it, one from it on.
    assert [pod.key.try_number for pod in run.pods] == [1, 1], run.story
    after_s = (run.pods[1].created - begin).total_seconds()
    # The API server cuts a pod's time of creation to whole seconds.
    assert DEFERRED_S - 1 <= after_s <= DEFERRED_S + RESUMED_WITHIN_S, run.story
    check_available(airflow_env)
