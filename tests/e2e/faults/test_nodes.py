"""A node stands still, is lost or is drained: its task is retried on another one, and succeeds once."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import pytest

from harness import AirflowEnv, NotYet, Run, Runs, WorkerPod, wait_until
from harness.faults import (
    Faults,
    Injection,
    Nodes,
    Pool,
    add_to_pool,
    cordon_node,
    find_spare_worker,
    list_components_on,
    move_components_away,
    preempt_pod,
)

from ..inside import REASON, not_available, not_yet
from .checks import check_bystander_run, noticed_by, wait_for_first_line

SILENCES: dict[str, Callable[[Nodes, str], AbstractContextManager[str]]] = {
    "paused": Nodes.pause,
    "lost": Nodes.power_off,
}

pytestmark = pytest.mark.timeout(300, func_only=True)

BYSTANDER_S = 55
MOVED_BYSTANDER_S = 40
POOL = Pool("pool", "faults")
LOST_RETRIED_WITHIN_S = 120
MOVED_RETRIED_WITHIN_S = 60


@pytest.fixture(scope="module")
def nodes(airflow_env: AirflowEnv) -> Nodes:
    return Nodes(airflow_env.docker, airflow_env.kubernetes)


@pytest.fixture(scope="module")
def pool_node(airflow_env: AirflowEnv) -> Iterator[str]:
    """Yield a worker node that has nothing of Airflow on it but the worker pods that ask for it."""
    kubernetes, namespace = airflow_env.kubernetes, airflow_env.namespace

    def is_available() -> bool | NotYet:
        problems = not_available(kubernetes, airflow_env.settings)
        return not_yet(problems) if problems else True

    node = find_spare_worker(kubernetes)
    with add_to_pool(kubernetes, node, POOL):
        with cordon_node(kubernetes, node):
            move_components_away(kubernetes, node, namespace, is_available)
        yield node
        assert not list_components_on(kubernetes, node, namespace)


@pytest.fixture
def other(runs: Runs, pool_node: str, quiet_s: Callable[[int], float]) -> Iterator[None]:
    """Run another DAG beside the fault, on another node; it must not notice."""
    with bystander(runs, pool_node, quiet_s, BYSTANDER_S):
        yield


@pytest.fixture
def other_of_a_move(runs: Runs, pool_node: str, quiet_s: Callable[[int], float]) -> Iterator[None]:
    """Do the same for a fault whose retry comes sooner."""
    with bystander(runs, pool_node, quiet_s, MOVED_BYSTANDER_S):
        yield


@contextmanager
def bystander(runs: Runs, pool_node: str, quiet_s: Callable[[int], float], seconds: int) -> Iterator[None]:
    run = runs.start("e2e_bystander", {"seconds": seconds})
    pod = run.wait_until_running("wait")
    assert pod.node != pool_node
    yield
    check_bystander_run(run, pod, quiet_s=quiet_s(seconds))


@pytest.mark.parametrize("how", SILENCES)
@pytest.mark.usefixtures("other")
def test_silent_node_s_task_is_retried_elsewhere(
    runs: Runs, fault: Faults, nodes: Nodes, pool_node: str, how: str
) -> None:
    run, victim = start_victim(runs, pool_node)

    with fault(f"the node is {how}", SILENCES[how](nodes, pool_node), run=run) as injection:
        check_retried_elsewhere(run, victim, fault, injection, within_s=LOST_RETRIED_WITHIN_S)
        run.airflow.wait_for_run(run.dag_id, run.run_id, timeout_s=60)
        old = run.pod_of("victim")
        assert old is not None
        assert old.uid == victim.uid
        assert old.deleted is None, "the node cannot have said that the pod is gone"
        finished = check_one_success(run)

    run.wait_until_pods_are_over(timeout_s=90)
    assert check_one_success(run) == finished, "the old try has changed the state after its node came back"


@pytest.mark.usefixtures("other_of_a_move")
def test_drained_node_s_task_is_retried_elsewhere(runs: Runs, fault: Faults, nodes: Nodes, pool_node: str) -> None:
    run, victim = start_victim(runs, pool_node)

    with fault("the node is drained", nodes.drain(pool_node, victim), run=run) as injection:
        check_retried_elsewhere(run, victim, fault, injection, within_s=MOVED_RETRIED_WITHIN_S)
        run.wait(timeout_s=60)

    check_one_success(run)
    check_disrupted(run, "EvictionByEvictionAPI")


@pytest.mark.usefixtures("other_of_a_move")
def test_task_of_a_preempted_pod_is_retried_elsewhere(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults, pool_node: str
) -> None:
    run, victim = start_victim(runs, pool_node)

    action = preempt_pod(airflow_env.kubernetes, victim, airflow_env.settings.name)
    with fault("the pod is preempted", action, run=run) as injection:
        check_retried_elsewhere(run, victim, fault, injection, within_s=MOVED_RETRIED_WITHIN_S)
        run.wait(timeout_s=60)

    check_one_success(run)
    check_disrupted(run, REASON)


def check_retried_elsewhere(run: Run, victim: WorkerPod, fault: Faults, injection: Injection, *, within_s: int) -> None:
    """Wait for the second try, note the recovery, and check that it came soon and on another node."""
    retry = wait_for_retry(run)
    fault.note_recovery(injection)
    assert retry.created - injection.injected <= timedelta(seconds=within_s), run.timeline
    assert retry.node != victim.node, run.timeline


def check_disrupted(run: Run, reason: str) -> None:
    gone = run.pod_of("victim")
    assert gone is not None
    disruption = gone.condition("DisruptionTarget")
    assert disruption is not None, run.timeline
    assert disruption.reason == reason
    assert noticed_by(run) == {"state mismatch"}


def start_victim(runs: Runs, pool_node: str) -> tuple[Run, WorkerPod]:
    run = runs.start("e2e_node")
    victim = run.wait_until_running("victim")
    assert victim.node == pool_node
    wait_for_first_line(run)
    return run, victim


def wait_for_retry(run: Run) -> WorkerPod:
    """Return the second try's pod once its container runs, or has."""

    def probe() -> WorkerPod | NotYet:
        pod = run.pod_of("victim", try_number=2)
        if pod is None:
            return NotYet("no pod")
        return pod if pod.phase in {"Running", "Succeeded"} else NotYet(f"{pod.name} on {pod.node}: {pod.phase}")

    what = f"the second try of run {run.run_id}"
    return wait_until(what, probe, timeout_s=LOST_RETRIED_WITHIN_S, interval_s=0.2, clock=run.clock)


def check_one_success(run: Run) -> list[tuple[int, object, object]]:
    """Check that the first try failed and the second succeeded, in two pods; return what Airflow says of the tries."""
    pods, tries = run.pods, sorted(run.tries, key=lambda ti: ti.try_number)
    run.expect_tries({"victim": 2})
    run.expect_success()
    assert [ti.state for ti in tries if ti.state == "success"] == ["success"], run.timeline
    assert [pod.key.try_number for pod in pods] == [1, 2], run.timeline
    assert run.state == "success", run.timeline
    return [(ti.try_number, ti.state, ti.end) for ti in tries]
