"""A worker dies at its work: the task is retried in a new pod, and nothing else notices."""

from collections.abc import Callable

import pytest

from harness.faults.ledger import Faults
from harness.faults.pods import force_deleted
from harness.observe.runs import Runs
from harness.pytest_plugin import AirflowEnv

from .checks import check_bystander_run, check_retried

pytestmark = pytest.mark.timeout(300, func_only=True)


WITNESS_S = 40


def test_hard_exit_is_retried_and_harms_no_other_task(
    runs: Runs, fault: Faults, quiet_s: Callable[[int], float]
) -> None:
    other = runs.start("e2e_bystander", {"seconds": WITNESS_S})
    other_pod = other.wait_until_running("wait")
    run = runs.start("e2e_hard_exit")
    bystander = run.wait_until_running("bystander")

    run.wait(timeout_s=150)
    victim = run.pod_of("victim")
    assert victim
    assert victim.containers[0].exit_code == 0, "the worker itself lives on when its task's process exits"
    fault.provoked("the task's process exits without a word", f"pod {victim.name} ended before its task", victim.ended)

    check_retried(run, bystander)
    check_bystander_run(other, other_pod, quiet_s=quiet_s(WITNESS_S))


def test_force_deleted_pod_is_replaced_and_harms_no_other_task(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults, quiet_s: Callable[[int], float]
) -> None:
    other = runs.start("e2e_bystander", {"seconds": WITNESS_S})
    other_pod = other.wait_until_running("wait")
    run = runs.start("e2e_force_delete")
    bystander = run.wait_until_running("bystander")
    victim = run.wait_until_running("victim")

    with fault("the pod is force-deleted", force_deleted(airflow_env.kubernetes, victim)):
        run.wait(timeout_s=150)

    check_retried(run, bystander)
    check_bystander_run(other, other_pod, quiet_s=quiet_s(WITNESS_S))
