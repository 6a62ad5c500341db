"""A pod that cannot start: its task fails soon or waits, as it should, and its sibling does not notice."""

from collections.abc import Mapping

import pytest

from harness import AirflowEnv, NotYet, Run, Runs, WaitTimeoutError, WorkerPod, wait_until
from harness.faults import Faults

from .components import wait_until_task_is

pytestmark = pytest.mark.timeout(240, func_only=True)

# [kubernetes_executor] pod_launch_failure_retries of the chart, and the first one.
PODS_PER_TRY = 5
SOON_S = 60
PLACE = "harness.dev/e2e-place"


@pytest.fixture(scope="module")
def batch(shared_runs: Runs) -> Mapping[str, Run]:
    dags = ("e2e_bad_image", "e2e_missing_secret", "e2e_unschedulable")
    return {dag_id: shared_runs.start(dag_id) for dag_id in dags}


@pytest.mark.parametrize(
    ("dag_id", "what", "message"),
    [
        ("e2e_bad_image", "there is no such image", "Error: ErrImagePull"),
        ("e2e_missing_secret", "there is no such Secret", 'Error: secret "e2e-missing" not found'),
    ],
)
def test_task_whose_pod_cannot_start_fails_soon(
    batch: Mapping[str, Run], fault: Faults, dag_id: str, what: str, message: str
) -> None:
    run = batch[dag_id]
    run.wait(timeout_s=150)
    pods = [pod for pod in run.pods if pod.key.task_id == "victim"]
    seen = [event.message for pod in pods for event in run.recorder.events(pod.uid) if event.type == "Warning"]
    proof = f"{len(seen)} warnings, such as: {seen[0]}" if seen else ""
    fault.note(what, proof, pods[0].created, run=run)

    assert [pod.key.try_number for pod in pods] == [1] * PODS_PER_TRY + [2] * PODS_PER_TRY, run.timeline
    assert not [pod for pod in pods if pod.condition("ContainersReady")], run.timeline
    assert message in seen, run.timeline
    # Airflow keeps no record of a try that failed before it ran (`TaskInstance.handle_failure`), but for the event.
    (last,) = [ti for ti in run.tries if ti.task_id == "victim"]
    assert (last.try_number, last.state, run.state) == (2, "failed", "failed"), run.timeline
    assert last.end
    assert (last.end - pods[0].created).total_seconds() <= SOON_S, run.timeline
    mismatches = run.airflow.event_logs(run.dag_id, run.run_id, event="state mismatch")
    assert {event.try_number for event in mismatches} == {1, 2}
    check_sibling(run)


def test_task_that_fits_on_no_node_waits_until_one_fits(
    batch: Mapping[str, Run], airflow_env: AirflowEnv, fault: Faults
) -> None:
    run = batch["e2e_unschedulable"]
    pod = wait_until("a pod that fits nowhere", lambda: unschedulable(run), timeout_s=60)
    injection = fault.note("no node has the label", f"pod {pod.name}: {pod.reason}", pod.created, run=run)
    wait_until_task_is(run, "success", task_id="sibling")
    node = airflow_env.environment.parts.cluster.node_names[-1]
    airflow_env.kubernetes.merge("Node", node, "", {"metadata": {"labels": {PLACE: "yes"}}})
    try:
        run.wait(timeout_s=60)
    finally:
        airflow_env.kubernetes.merge("Node", node, "", {"metadata": {"labels": {PLACE: None}}})
    fault.note_recovery(injection)
    run.check({"victim": 1, "sibling": 1})
    bound = run.pod_of("victim")
    assert bound
    assert bound.node == node


@pytest.mark.xfail(
    strict=True,
    raises=WaitTimeoutError,
    reason="apache/airflow#45184: the executor takes the deletion of a pending pod for no failure, so its task stays "
    "queued until [scheduler] task_queued_timeout",
)
def test_pending_pod_that_is_deleted_is_replaced(airflow_env: AirflowEnv, runs: Runs, fault: Faults) -> None:
    run = runs.start("e2e_unschedulable")
    pod = wait_until("a pod that fits nowhere", lambda: unschedulable(run), timeout_s=60)
    assert airflow_env.kubernetes.delete("Pod", pod.name, pod.namespace, uid=pod.uid)
    fault.note("a pending pod is deleted", f"pod {pod.name} was {pod.phase}, and is deleted", pod.created)

    def replaced() -> bool | NotYet:
        return True if len([one for one in run.pods if one.key.task_id == "victim"]) > 1 else NotYet("no other pod")

    wait_until("another pod of the task", replaced, timeout_s=20)


def unschedulable(run: Run) -> WorkerPod | NotYet:
    pod = run.pod_of("victim")
    return pod if pod and pod.reason == "Unschedulable" else NotYet(f"pod: {pod.phase if pod else 'none'}")


def check_sibling(run: Run) -> None:
    pod = run.pod_of("sibling")
    assert pod
    run.expect_untouched("sibling", uids={pod.uid})
