"""What the KubernetesExecutor isolates and the LocalExecutor does not: the same DAG, the same faults, on both."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from harness import AirflowApi, AirflowEnv, NotYet, Run, Runs, TaskInstance, WorkerPod, wait_until
from harness.faults import Faults, delete_component, list_component_pods
from support.times import utc_now

from .faults.components import ends
from .inside import Json, make_run_id
from .throw_away import throw_away

pytestmark = [pytest.mark.timeout(420, func_only=True), pytest.mark.serial, pytest.mark.slow]

DAG = Path(__file__).parent / "dags/faults/e2e_selfish.py"
EXECUTORS = Path(__file__).parent / "dags/e2e_executors.py"
KILLED = 137
NAMESPACE = "tools-local-executor"
# The first is that of a task which chooses none.
VALUES: dict[str, Json] = {
    "config": {"core": {"executor": "LocalExecutor,KubernetesExecutor", "parallelism": "4"}},
    "scheduler": {"resources": {"requests": {"cpu": "100m", "memory": "384Mi"}, "limits": {"memory": "2Gi"}}},
}


@dataclass
class LocalRun:
    """A run with the LocalExecutor."""

    airflow: AirflowApi
    run_id: str

    def tasks(self) -> dict[str, TaskInstance]:
        """Return the last try of each task."""
        return {ti.task_id: ti for ti in self.airflow.task_instances(DAG.stem, self.run_id)}

    def wait_until_running(self) -> dict[str, TaskInstance]:
        """Wait until both tasks are at work and return them."""

        def probe() -> dict[str, TaskInstance] | NotYet:
            tasks = self.tasks()
            states = {name: ti.state for name, ti in tasks.items()}
            return tasks if set(states.values()) == {"running"} and len(states) > 1 else NotYet(str(states))

        return wait_until("both tasks of the LocalExecutor at work", probe, timeout_s=60, interval_s=0.2)

    def wait(self) -> None:
        """Wait for its end, whatever the end is."""
        self.airflow.wait_for_run(DAG.stem, self.run_id, timeout_s=240)


@pytest.fixture(scope="module")
def local(airflow_env: AirflowEnv) -> Iterator[AirflowApi]:
    with throw_away(airflow_env, NAMESPACE, VALUES, [DAG, EXECUTORS], node_port=30081) as airflow:
        yield airflow


@dataclass
class Pair:
    """The same DAG, at work with both executors at once."""

    here: Run
    there: LocalRun
    bystander: WorkerPod
    before: dict[str, TaskInstance]
    begun: datetime


@pytest.fixture
def start(local: AirflowApi, runs: Runs) -> Callable[..., Pair]:
    def begin(*, is_selfish: bool) -> Pair:
        begun, conf = utc_now(), {"is_selfish": is_selfish}
        local.unpause(DAG.stem)
        there = LocalRun(local, make_run_id(os.getpid()))
        local.trigger(DAG.stem, there.run_id, conf)
        here = runs.start(DAG.stem, conf)
        before = there.wait_until_running()
        return Pair(here, there, here.wait_until_running("bystander"), before, begun)

    return begin


def test_task_runs_with_the_scheduler_unless_it_chooses_a_pod(local: AirflowApi, airflow_env: AirflowEnv) -> None:
    run_id = make_run_id(os.getpid())
    local.unpause(EXECUTORS.stem)
    local.trigger(EXECUTORS.stem, run_id)
    assert local.wait_for_run(EXECUTORS.stem, run_id, timeout_s=180).state == "success"
    hosts = {ti.task_id: ti.hostname for ti in local.task_instances(EXECUTORS.stem, run_id)}
    (scheduler,) = list_component_pods(airflow_env.kubernetes, NAMESPACE, "scheduler")
    assert hosts["by_default"] == scheduler["status"]["podIP"]
    assert hosts["chosen"].startswith("e2e-executors-chosen-")


def test_end_of_all_processes_harms_neighbors_of_local_executor(
    start: Callable[..., Pair], airflow_env: AirflowEnv, fault: Faults, record_property: Callable[[str, object], None]
) -> None:
    pair = start(is_selfish=True)
    pair.here.wait(timeout_s=180)
    pair.there.wait()

    victim = pair.here.pod_of("victim")
    assert victim
    killed = [one for one in victim.containers if one.exit_code == KILLED]
    proof = f"pod {victim.name} ended with exit code {KILLED}" if killed else ""
    fault.note("a task ends every process that it may", proof, victim.ended, run=pair.here)
    pair.here.check({"victim": 2, "bystander": 1})
    pair.here.expect_untouched("bystander", uids={pair.bystander.uid})

    record_property("with the KubernetesExecutor", "its own pod ends; its neighbor and the scheduler do not notice")
    assert ends(airflow_env, "scheduler", pair.begun, namespace=NAMESPACE), (
        "the LocalExecutor's scheduler did not notice"
    )
    assert pair.there.tasks()["bystander"].start != pair.before["bystander"].start
    record_property("with the LocalExecutor", "the scheduler ends; its neighbor begins again")


def test_dead_scheduler_ends_tasks_of_the_local_executor_alone(
    start: Callable[..., Pair], airflow_env: AirflowEnv, fault: Faults, record_property: Callable[[str, object], None]
) -> None:
    pair = start(is_selfish=False)
    ours, other = (
        delete_component(airflow_env.kubernetes, namespace, "scheduler", by_force=True)
        for namespace in (airflow_env.namespace, NAMESPACE)
    )
    with (
        fault("our scheduler is force-deleted", ours, run=pair.here),
        fault("the LocalExecutor's scheduler is force-deleted", other),
    ):
        pair.here.wait(timeout_s=180)
        pair.there.wait()

    pair.here.check({"victim": 1, "bystander": 1})
    pair.here.expect_untouched("bystander", uids={pair.bystander.uid})
    record_property("with the KubernetesExecutor", "tasks run on in their pods; the new scheduler adopts them")
    after = pair.there.tasks()["bystander"]
    assert after.start != pair.before["bystander"].start
    record_property("with the LocalExecutor", f"tasks end with it; the neighbor begins again and ends {after.state}")
