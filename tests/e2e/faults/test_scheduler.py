"""The scheduler dies while tasks run: they run on in their pods, and the next scheduler takes these over."""

import pytest

from harness.faults.components import pod_deleted
from harness.faults.ledger import Faults
from harness.observe.pods import WorkerPod
from harness.observe.runs import Runs
from harness.pytest_plugin import AirflowEnv
from harness.waiting import NotYet, wait_until

from .components import check_unharmed, owner

pytestmark = pytest.mark.timeout(240, func_only=True)

TAKEN_OVER_WITHIN_S = 60


@pytest.mark.parametrize(("by_force", "seconds"), [(False, 60), (True, 75)], ids=["in order", "by force"])
def test_next_scheduler_takes_over_the_pod_of_a_running_task(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults, by_force: bool, seconds: int
) -> None:
    run = runs.start("e2e_bystander", {"seconds": seconds})
    pod = run.wait_until_running("wait")
    before = owner(airflow_env, pod)

    action = pod_deleted(airflow_env.kubernetes, airflow_env.namespace, "scheduler", by_force=by_force)
    with fault(f"the scheduler's pod is deleted {'by force' if by_force else 'in order'}", action) as injection:
        wait_until_taken_over(airflow_env, pod, before)
        fault.recovered(injection)
    run.wait(timeout_s=120)

    check_unharmed(airflow_env, run, pod)
    assert injection.recovery_s is not None
    assert injection.recovery_s <= TAKEN_OVER_WITHIN_S


def wait_until_taken_over(env: AirflowEnv, pod: WorkerPod, before: str) -> None:
    """Wait until the pod belongs to another SchedulerJob; the pod's end before that is a failure."""

    def probe() -> bool | NotYet:
        now = owner(env, pod)
        assert now, f"pod {pod.name} ended before another scheduler took it over"
        return True if now != before else NotYet(f"it belongs to SchedulerJob {before}")

    wait_until(f"pod {pod.name} with another scheduler", probe, timeout_s=120)
