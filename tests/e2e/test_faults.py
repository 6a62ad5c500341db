"""A fault stays where it was put: the task is retried in a new pod, and nothing else notices."""

import pytest

from harness.faults.pods import force_delete_pod
from harness.observe.expectations import expect_retried_within, expect_untouched, expect_witness
from harness.observe.pods import WorkerPod
from harness.observe.runs import ObservedRun, Runs
from harness.pytest_plugin import AirflowEnv

from .checks import check_run

pytestmark = pytest.mark.timeout(300, func_only=True)

RETRIED_WITHIN_S = 60


def test_hard_exit_is_retried_and_harms_no_other_task(runs: Runs) -> None:
    other = runs.start("e2e_bystander", {"seconds": 60})
    other_pod = other.wait_until_running("wait")
    run = runs.start("e2e_hard_exit")
    bystander = run.wait_until_running("bystander")

    run.wait(timeout_s=150)
    victim = run.pod_of("victim")
    run.recorder.mark("the task's process exited without a word", when=victim.ended if victim else None)

    check_fault(run, bystander)
    check_bystander_run(other, other_pod)


def test_force_deleted_pod_is_replaced_and_harms_no_other_task(airflow_env: AirflowEnv, runs: Runs) -> None:
    other = runs.start("e2e_bystander", {"seconds": 40})
    other_pod = other.wait_until_running("wait")
    run = runs.start("e2e_force_delete")
    bystander = run.wait_until_running("bystander")
    victim = run.wait_until_running("victim")

    force_delete_pod(airflow_env.kubernetes, namespace=victim.namespace, name=victim.name, uid=victim.uid)
    run.recorder.mark(f"force-deleted pod {victim.name}")
    run.wait(timeout_s=150)

    check_fault(run, bystander)
    check_bystander_run(other, other_pod)


def check_fault(run: ObservedRun, bystander: WorkerPod) -> None:
    """Check that the victim was retried soon, and that the bystander ran through it in the pod that it had before."""
    check_run(run, {"victim": 2, "bystander": 1})
    pods, tries = run.pods, run.tries
    victim = run.pod_of("victim")
    assert victim is not None
    witness = next(ti for ti in tries if ti.task_id == "bystander")
    expect_retried_within(pods, tries, task_id="victim", limit_s=RETRIED_WITHIN_S)
    expect_witness(pods, tries, witness=witness, victim=victim)
    expect_untouched(pods, tries, uids={bystander.uid}, task_id="bystander")


def check_bystander_run(other: ObservedRun, pod: WorkerPod) -> None:
    """Check that the second DAG run ended well on its first try, in the pod that it had before the fault."""
    other.wait(timeout_s=90)
    check_run(other, {"wait": 1})
    expect_untouched(other.pods, other.tries, uids={pod.uid})
