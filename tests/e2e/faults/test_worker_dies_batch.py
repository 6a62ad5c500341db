"""Workers die at their work in every way at once: each task is retried in a new pod, and a steady run goes on."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack

import pytest

from harness import AirflowEnv, NotYet, Run, Runs, WorkerPod, wait_until
from harness.faults import Faults, Injection, delete_pod, evict_pod, hang_container, kill_container

from .checks import RETRIED_WITHIN_S, check_bystander_run, noticed_by, wait_for_first_line

pytestmark = [pytest.mark.timeout(300, func_only=True), pytest.mark.usefixtures("bystander")]

BYSTANDER_S = 120
BATCH: dict[str, tuple[str, dict[str, object]]] = {
    "bystander": ("e2e_bystander", {"seconds": BYSTANDER_S}),
    "raises": ("e2e_worker_dies", {"how": "raises"}),
    "killed": ("e2e_worker_dies", {"how": "killed"}),
    "aborts": ("e2e_worker_dies", {"how": "aborts"}),
    "supervisor": ("e2e_worker_dies", {"how": "supervisor"}),
    "container": ("e2e_worker_dies", {}),
    "hung": ("e2e_worker_dies", {}),
    "short grace": ("e2e_worker_dies", {}),
    "evicted": ("e2e_worker_dies", {}),
    "memory": ("e2e_over_its_limits", {"how": "memory"}),
    "room": ("e2e_over_its_limits", {"how": "room"}),
    "always raises": ("e2e_always_raises", {}),
}
END_S = 200
# What is done to those of the batch that do nothing to themselves.
ACTIONS: dict[str, tuple[str, Callable[[AirflowEnv, WorkerPod], AbstractContextManager[str]]]] = {
    "container": (
        "the container is killed",
        lambda env, pod: kill_container(env.docker, env.kubernetes, pod),
    ),
    "hung": ("the worker hangs", lambda env, pod: hang_container(env.docker, env.kubernetes, pod)),
    "short grace": ("the pod is deleted", lambda env, pod: delete_pod(env.kubernetes, pod, grace_period_s=3)),
    "evicted": ("the pod is evicted", lambda env, pod: evict_pod(env.kubernetes, pod, grace_period_s=3)),
}


@pytest.fixture(scope="module")
def batch(shared_runs: Runs) -> Mapping[str, Run]:
    return {name: shared_runs.start(dag_id, conf) for name, (dag_id, conf) in BATCH.items()}


@pytest.fixture(scope="module")
def bystander(batch: Mapping[str, Run]) -> WorkerPod:
    return batch["bystander"].wait_until_running("wait", timeout_s=90)


def end_of_first_pod(run: Run) -> WorkerPod:
    run.wait(timeout_s=END_S)
    pod = run.pod_of("victim")
    assert pod, run.timeline
    return pod


def injected(name: str, env: AirflowEnv, batch: Mapping[str, Run], fault: Faults) -> AbstractContextManager[Injection]:
    """Return the fault of that member of the batch, whose victim runs now."""
    run, (what, action) = batch[name], ACTIONS[name]
    return fault(what, action(env, run.wait_until_running("victim")), run=run)


def wait_for_second_pod(run: Run) -> WorkerPod:
    def probe() -> WorkerPod | NotYet:
        return run.pod_of("victim", try_number=2) or NotYet("no second pod")

    return wait_until("the retry of the hung worker", probe, timeout_s=RETRIED_WITHIN_S + 30)


def check_retried_once(run: Run) -> None:
    run.check({"victim": 2})
    run.expect_retried_within("victim", limit_s=RETRIED_WITHIN_S)


def test_container_that_is_killed_is_retried(airflow_env: AirflowEnv, batch: Mapping[str, Run], fault: Faults) -> None:
    run = batch["container"]
    with injected("container", airflow_env, batch, fault):
        pod = end_of_first_pod(run)
    assert pod.containers[0].exit_code == 137, run.timeline
    check_retried_once(run)
    assert noticed_by(run) == {"state mismatch"}


def test_pod_that_is_deleted_with_enough_grace_ends_its_task(
    airflow_env: AirflowEnv, shared_runs: Runs, fault: Faults
) -> None:
    run = shared_runs.start("e2e_worker_dies", {"seconds": 15})
    victim = run.wait_until_running("victim")
    wait_for_first_line(run)
    with fault("the pod is deleted", delete_pod(airflow_env.kubernetes, victim, grace_period_s=90), run=run):
        run.wait(timeout_s=END_S)
    run.check({"victim": 1})


def test_pod_that_is_deleted_with_too_little_grace_is_retried(
    airflow_env: AirflowEnv, batch: Mapping[str, Run], fault: Faults
) -> None:
    run = batch["short grace"]
    with injected("short grace", airflow_env, batch, fault):
        run.wait(timeout_s=END_S)
    check_retried_once(run)


def test_pod_that_is_evicted_by_the_api_is_retried(
    airflow_env: AirflowEnv, batch: Mapping[str, Run], fault: Faults
) -> None:
    run = batch["evicted"]
    with injected("evicted", airflow_env, batch, fault):
        pod = end_of_first_pod(run)
    check_retried_once(run)
    condition = pod.condition("DisruptionTarget")
    assert condition, run.timeline
    assert condition.reason == "EvictionByEvictionAPI"


def test_hung_worker_is_retried_and_wakes_to_no_effect(
    airflow_env: AirflowEnv, batch: Mapping[str, Run], fault: Faults
) -> None:
    run = batch["hung"]
    with injected("hung", airflow_env, batch, fault) as injection:
        pod = wait_for_second_pod(run)
        fault.note_recovery(injection)
    run.wait(timeout_s=END_S)
    run.check({"victim": 2})
    assert (pod.created - injection.injected).total_seconds() <= RETRIED_WITHIN_S
    # Airflow ends the pod of the lost try, which the executor then tells as a mismatch.
    assert noticed_by(run) == {"heartbeat timeout", "state mismatch"}


def test_exception_is_retried_after_its_delay(batch: Mapping[str, Run], fault: Faults) -> None:
    run = batch["raises"]
    pod = end_of_first_pod(run)
    fault.note("the task raises", f"pod {pod.name} ended, and its try failed", pod.ended, run=run)
    check_retried_once(run)
    run.expect_retry_delay("victim", delay_s=1)
    assert noticed_by(run) == set()


@pytest.mark.parametrize("how", ["killed", "aborts"])
def test_task_process_that_dies_by_a_signal_is_retried(batch: Mapping[str, Run], fault: Faults, how: str) -> None:
    run = batch[how]
    pod = end_of_first_pod(run)
    assert pod.containers[0].exit_code == 0, "the worker itself lives on when its task's process dies"
    fault.note(f"the task's process: {how}", f"pod {pod.name} ended before its task", pod.ended, run=run)
    check_retried_once(run)


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="airflow/sdk/execution_time/supervisor.py:202 and :1554 of task-sdk 1.3.2: UP_FOR_RETRY counts as sent, "
    "so the API hears nothing of a task process that died, and the retry waits for the heartbeat timeout",
)
def test_task_process_that_dies_by_a_signal_is_retried_at_once(batch: Mapping[str, Run], fault: Faults) -> None:
    run = batch["killed"]
    pod = end_of_first_pod(run)
    fault.note("the task's process: killed", f"pod {pod.name} ended before its task", pod.ended, run=run)
    run.expect_retried_within("victim", limit_s=10)


def test_supervisor_that_dies_is_retried_at_once(batch: Mapping[str, Run], fault: Faults) -> None:
    run = batch["supervisor"]
    pod = end_of_first_pod(run)
    assert pod.containers[0].exit_code == 137, run.timeline
    fault.note("the supervisor is killed", f"pod {pod.name} ended with 137", pod.ended, run=run)
    check_retried_once(run)
    assert noticed_by(run) == {"state mismatch"}


def test_task_that_takes_too_much_memory_is_retried(batch: Mapping[str, Run], fault: Faults) -> None:
    run = batch["memory"]
    pod = end_of_first_pod(run)
    assert pod.containers[0].reason == "OOMKilled", run.timeline
    fault.note("out of memory", f"container of {pod.name}: OOMKilled", pod.ended, run=run)
    check_retried_once(run)


def test_task_that_takes_too_much_room_is_evicted_and_retried(batch: Mapping[str, Run], fault: Faults) -> None:
    run = batch["room"]
    pod = end_of_first_pod(run)
    assert pod.reason == "Evicted", run.timeline
    fault.note("out of room", f"pod {pod.name}: Evicted", pod.ended, run=run)
    check_retried_once(run)


def test_task_that_always_raises_fails_its_downstream_alone(batch: Mapping[str, Run], fault: Faults) -> None:
    run = batch["always raises"]
    pod = end_of_first_pod(run)
    fault.note("the task raises", f"pod {pod.name} ended, and its try failed", pod.ended, run=run)
    run.expect_tries({"victim": 3, "sibling": 1})
    run.expect_one_pod_per_try()
    last = {ti.task_id: ti.state for ti in run.task_instances}
    assert last == {"victim": "failed", "downstream": "upstream_failed", "sibling": "success"}, run.timeline
    assert run.state == "failed"


def test_steady_run_beside_all_of_them_notices_nothing(
    airflow_env: AirflowEnv,
    batch: Mapping[str, Run],
    bystander: WorkerPod,
    fault: Faults,
    quiet_s: Callable[[int], float],
) -> None:
    with ExitStack() as faults:
        for name in ACTIONS:  # those that no test before this one has ended
            if not airflow_env.airflow.dag_run(batch[name].dag_id, batch[name].run_id).is_over:
                faults.enter_context(injected(name, airflow_env, batch, fault))
        wait_for_second_pod(batch["hung"])
    ends = [end_of_first_pod(run).ended for name, run in batch.items() if name != "bystander"]
    fault.note("all of these faults", f"{len(ends)} pods ended", min(filter(None, ends)), run=batch["bystander"])
    batch["bystander"].wait(timeout_s=END_S)
    check_bystander_run(batch["bystander"], bystander, quiet_s=quiet_s(BYSTANDER_S))
    (undisturbed,) = batch["bystander"].tries
    assert undisturbed.end
    assert all(end and end < undisturbed.end for end in ends), "it ended before the faults acted"
