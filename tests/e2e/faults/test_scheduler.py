"""The scheduler dies while tasks run: they run on in their pods, and the next scheduler takes these over."""

import pytest

from harness import AirflowEnv, NotYet, Runs, WorkerPod, wait_until
from harness.faults import Faults, delete_component, kill_watcher, list_component_pods, scale_to_zero

from .components import check_available, check_unharmed, owner, restarts, wait_until_task_is

pytestmark = pytest.mark.timeout(240, func_only=True)

TAKEN_OVER_WITHIN_S = 60
NOTICED_WITHIN_S = 20
SOME = 5


@pytest.mark.parametrize(("by_force", "seconds"), [(False, 40), (True, 60)], ids=["in order", "by force"])
def test_next_scheduler_takes_over_the_pod_of_a_running_task(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults, by_force: bool, seconds: int
) -> None:
    run = runs.start("e2e_bystander", {"seconds": seconds})
    pod = run.wait_until_running("wait")
    before = owner(airflow_env, pod)

    action = delete_component(airflow_env.kubernetes, airflow_env.namespace, "scheduler", by_force=by_force)
    with fault(f"the scheduler's pod is deleted {'by force' if by_force else 'in order'}", action) as injection:
        wait_until_taken_over(airflow_env, pod, before)
        fault.note_recovery(injection)
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


def test_a_task_s_end_is_noticed_after_the_watcher_was_killed(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults
) -> None:
    before = restarts(airflow_env, "scheduler")
    run = runs.start("e2e_bystander", {"seconds": 15})
    pod = run.wait_until_running("wait")

    (scheduler,) = list_component_pods(airflow_env.kubernetes, airflow_env.namespace, "scheduler")
    action = kill_watcher(airflow_env.docker, scheduler["spec"]["nodeName"])
    with fault("the KubernetesJobWatcher is killed", action) as injection:
        run.wait(timeout_s=60)
        fault.note_recovery(injection)

    check_unharmed(airflow_env, run, pod)
    (ended,) = run.pods
    # The executor deletes a pod when its watcher has told of its end.
    wait_until("the deletion of the pod", lambda: run.pods[0].deleted or NotYet("it is there"), timeout_s=30)
    assert ended.ended is not None
    deleted = run.pods[0].deleted
    assert deleted is not None
    assert (deleted - ended.ended).total_seconds() <= NOTICED_WITHIN_S
    assert restarts(airflow_env, "scheduler") == before


def test_runs_end_though_tasks_ended_without_a_scheduler(airflow_env: AirflowEnv, runs: Runs, fault: Faults) -> None:
    run = runs.start("e2e_bystander", {"seconds": 5})
    pod = run.wait_until_running("wait")

    action = scale_to_zero(airflow_env.kubernetes, airflow_env.namespace, "scheduler")
    with fault("the scheduler is away", action) as injection:
        wait_until_task_is(run, "success")
        assert run.state == "running"
    run.wait(timeout_s=60)
    fault.note_recovery(injection)

    check_unharmed(airflow_env, run, pod)
    wait_until("the deletion of the pod", lambda: run.pods[0].deleted or NotYet("it is there"), timeout_s=60)


def test_queued_tasks_run_once_after_the_scheduler_was_killed(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults
) -> None:
    run = runs.start("e2e_mapped_20")

    def queued() -> int | NotYet:
        pending = [pod for pod in run.pods if pod.phase == "Pending"]
        return len(pending) if len(pending) >= SOME else NotYet(f"{len(pending)} pods pending")

    wait_until("pending pods", queued, timeout_s=60, interval_s=0.1)
    action = delete_component(airflow_env.kubernetes, airflow_env.namespace, "scheduler", by_force=True)
    with fault("the scheduler is killed while tasks are queued", action) as injection:
        pass
    run.wait(timeout_s=180)
    fault.note_recovery(injection)

    # What the dead scheduler had not made a pod for yet begins a new try, so the first has none.
    run.expect_success()
    assert sorted(pod.key.map_index for pod in run.pods) == list(range(20)), run.timeline
    assert {ti.hostname for ti in run.tries if ti.state == "success"} == {pod.name for pod in run.pods}, run.timeline
    check_available(airflow_env)
