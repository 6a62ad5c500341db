"""Workers die at their work, two at once: each task is retried in a new pod, and nothing else notices."""

from collections.abc import Callable

import pytest

from harness import AirflowEnv, Run, Runs, WorkerPod
from harness.faults import Faults, force_delete_pod

from .checks import check_bystander_run, check_retried

pytestmark = pytest.mark.timeout(300, func_only=True)

Started = tuple[Run, WorkerPod]
BYSTANDER_S = 50


@pytest.fixture(scope="module")
def other(shared_runs: Runs) -> Started:
    """Return another DAG's run, and its pod."""
    run = shared_runs.start("e2e_bystander", {"seconds": BYSTANDER_S})
    return run, run.wait_until_running("wait")


@pytest.fixture(scope="module")
def exiting(shared_runs: Runs, other: Started) -> Started:  # noqa: ARG001 - the bystander comes first
    """Return a run whose victim exits soon, which a heartbeat timeout tells, and its bystander's pod."""
    run = shared_runs.start("e2e_hard_exit", {"bystander_s": BYSTANDER_S})
    return run, run.wait_until_running("bystander")


@pytest.mark.usefixtures("exiting")
def test_force_deleted_pod_is_replaced_and_harms_no_other_task(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults, other: Started, quiet_s: Callable[[int], float]
) -> None:
    run = runs.start("e2e_force_delete")
    bystander = run.wait_until_running("bystander")
    victim = run.wait_until_running("victim")

    with fault("the pod is force-deleted", force_delete_pod(airflow_env.kubernetes, victim), run=run):
        run.wait(timeout_s=150)

    check_retried(run, bystander)
    check_bystander_run(*other, quiet_s=quiet_s(BYSTANDER_S))


def test_hard_exit_is_retried_and_harms_no_other_task(
    exiting: Started, fault: Faults, other: Started, quiet_s: Callable[[int], float]
) -> None:
    run, bystander = exiting
    run.wait(timeout_s=150)
    victim = run.pod_of("victim")
    assert victim
    assert victim.containers[0].exit_code == 0, "the worker itself lives on when its task's process exits"
    proof = f"pod {victim.name} ended before its task"
    fault.note("the task's process exits without a word", proof, victim.ended, run=run)

    check_retried(run, bystander)
    check_bystander_run(*other, quiet_s=quiet_s(BYSTANDER_S))
