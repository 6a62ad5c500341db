"""What a team chooses the KubernetesExecutor for, each claim proven by the test of its name.

That Airflow's UI works is proven in `test_browser.py`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from harness import AirflowApi, AirflowEnv, DagRun, NotYet, Run, Runs, WorkerPod, wait_until
from harness.faults import Faults, Pool, add_to_pool
from support.times import most_at_once, utc_now

from .components import wait_until_idle
from .inside import Cluster, Json

pytestmark = pytest.mark.timeout(240, func_only=True)

COMPONENTS = ["api-server", "dag-processor", "metrics", "postgresql", "scheduler", "triggerer"]
POOL = Pool("pool", "claims")
NO_PLACE = "Unschedulable"
OWN_IMAGE = "localhost/harness/airflow:e2e-own"
EVERY_MINUTE = "e2e_every_minute"
MINUTE = timedelta(minutes=1)
COMES_WITHIN = timedelta(seconds=75)
PUNCTUAL = timedelta(seconds=15)


@dataclass(frozen=True)
class LivePod:
    """What a test looks at of a pod that runs; no more, for a spec holds the task's token."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    image: str
    resources: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class OwnPods:
    """The run whose task `shaped` has a pod of its own making, and both pods as they were while it ran."""

    run: Run
    plain: LivePod
    shaped: LivePod


@pytest.fixture(scope="module")
def batch(shared_runs: Runs, every_minute: datetime) -> dict[str, Run]:  # noqa: ARG001 - its minute goes by beside the batch
    """Start the runs that do not disturb each other, first that of a paused DAG."""
    paused = shared_runs.start("e2e_paused", is_paused=True)
    other = shared_runs.start("e2e_bystander", {"seconds": 35})
    exits = shared_runs.start("e2e_hard_exit", {"bystander_s": 35})
    retried = shared_runs.start("e2e_raises_once")
    return {run.dag_id: run for run in (paused, other, exits, retried)}


@pytest.fixture(scope="module")
def every_minute(airflow: AirflowApi, shared_runs: Runs) -> Iterator[datetime]:
    """Let the DAG with a schedule run, and yield since when it may; afterwards it is paused again."""
    before = utc_now()
    airflow.unpause(EVERY_MINUTE)
    yield before
    airflow.pause(EVERY_MINUTE)
    for run in airflow.dag_runs(EVERY_MINUTE):
        if not run.is_over:
            shared_runs.adopt(run.dag_id, run.run_id)


@pytest.fixture(scope="module")
def own_pods(airflow_env: AirflowEnv, shared_runs: Runs, batch: dict[str, Run]) -> OwnPods:  # noqa: ARG001 - they run side by side
    """Run a task with another image, and look at its pod while it runs."""
    with tagged(airflow_env.environment.parts.cluster, OWN_IMAGE):
        run = shared_runs.start("e2e_own_pod")
        plain, shaped = (live(airflow_env, run.wait_until_running(task_id)) for task_id in ("plain", "shaped"))
        run.wait(timeout_s=90)
    return OwnPods(run, plain, shaped)


@contextmanager
def tagged(cluster: Cluster, image: str) -> Iterator[None]:
    """Give the Airflow image another name in every node, for the length of the block."""
    ctr = ("ctr", "--namespace=k8s.io", "images")
    try:
        for node in cluster.node_names:
            cluster.docker.exec(node, *ctr, "tag", "--force", cluster.images.airflow, image)
        yield
    finally:
        for node in cluster.node_names:
            cluster.docker.exec(node, *ctr, "rm", image)


def live(env: AirflowEnv, pod: WorkerPod) -> LivePod:
    found = env.kubernetes.get("Pod", pod.name, pod.namespace)
    assert found, f"pod {pod.name} is gone"
    assert found["metadata"]["uid"] == pod.uid
    (container,) = found["spec"]["containers"]
    metadata = found["metadata"]
    return LivePod(metadata["labels"], metadata["annotations"], container["image"], container["resources"])


def test_no_worker_fleet_stands_by(airflow_env: AirflowEnv) -> None:
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    workloads = [item for kind in kinds for item in airflow_env.kubernetes.list(kind, airflow_env.namespace)]
    assert sorted(map(component_of, workloads)) == COMPONENTS
    wait_until_idle(airflow_env)
    pods = airflow_env.kubernetes.list("Pod", airflow_env.namespace, field_selector="status.phase=Running")
    assert {component_of(pod) for pod in pods} == set(COMPONENTS)


def component_of(item: Json) -> str:
    name: str = item["metadata"]["labels"]["app.kubernetes.io/component"]
    return name


def test_dynamic_scalability_from_no_pod_to_eight_and_back(airflow_env: AirflowEnv, runs: Runs) -> None:
    wait_until_idle(airflow_env)
    run = runs.run("e2e_burst", timeout_s=120)
    run.check({f"work[{index}]": 1 for index in range(8)})
    assert most_at_once((pod.created, pod.ended) for pod in run.pods if pod.ended) == 8, run.timeline
    assert most_at_once((ti.start, ti.end) for ti in run.tries if ti.start and ti.end) > 2, run.timeline
    wait_until_idle(airflow_env)


def test_task_has_cpu_and_memory_of_its_own(own_pods: OwnPods) -> None:
    own_pods.run.check({"plain": 1, "shaped": 1})
    wanted = {"requests": {"cpu": "30m", "memory": "150Mi"}, "limits": {"cpu": "900m", "memory": "600Mi"}}
    assert own_pods.shaped.resources == wanted
    assert own_pods.plain.resources != wanted
    shaped, plain = report_of(own_pods.run, "shaped"), report_of(own_pods.run, "plain")
    assert shaped == {"cpu": "90000 100000", "memory": str(600 * 2**20)}
    assert plain == {"cpu": "max 100000", "memory": str(2**30)}


def report_of(run: Run, task_id: str) -> Any:
    return run.airflow.xcom(run.dag_id, run.run_id, task_id)


def test_task_has_labels_and_annotations_of_its_own(own_pods: OwnPods) -> None:
    assert own_pods.shaped.labels["team"] == "e2e"
    assert own_pods.shaped.annotations["harness.dev/e2e"] == "a text, with blanks"
    assert "team" not in own_pods.plain.labels
    assert "harness.dev/e2e" not in own_pods.plain.annotations


def test_task_has_an_image_of_its_own(own_pods: OwnPods, airflow_env: AirflowEnv) -> None:
    own_pods.run.check({"plain": 1, "shaped": 1})
    assert own_pods.shaped.image == OWN_IMAGE
    assert own_pods.plain.image == airflow_env.environment.parts.cluster.images.airflow


def test_fault_isolation_hard_exit_harms_neither_sibling_nor_run(batch: dict[str, Run], fault: Faults) -> None:
    run, other = batch["e2e_hard_exit"], batch["e2e_bystander"]
    run.wait(timeout_s=120)
    other.wait(timeout_s=120)
    victim, sibling, stranger = run.pod_of("victim"), run.pod_of("bystander"), other.pod_of("wait")
    assert victim
    assert sibling
    assert stranger
    fault.note("the task's process exits without a word", f"try 1 ended with pod {victim.name}", victim.ended)

    run.check({"victim": 2, "bystander": 1})
    for beside, pod, task_id in ((run, sibling, "bystander"), (other, stranger, "wait")):
        beside.expect_concurrent(task_id, victim=victim)
        beside.expect_untouched(task_id, uids={pod.uid})
    assert other.state == "success", other.timeline


def test_retry_is_a_new_pod_and_the_log_of_the_first_try_stays(batch: dict[str, Run]) -> None:
    run = batch["e2e_raises_once"]
    run.wait(timeout_s=90)
    run.check({"flaky": 2})
    run.expect_retry_delay("flaky", delay_s=5)
    assert len({pod.uid for pod in run.pods}) == 2
    assert "RuntimeError: the first try fails" in run.airflow.logs(run.dag_id, run.run_id, "flaky", 1)


def test_paused_dag_s_run_waits_without_a_pod_until_unpaused(batch: dict[str, Run], airflow: AirflowApi) -> None:
    run = batch["e2e_paused"]
    later = batch["e2e_raises_once"].wait(timeout_s=90)
    assert later.state == "success", "a run that was triggered later has come and gone meanwhile"
    assert (run.state, run.pods) == ("queued", [])
    airflow.unpause(run.dag_id)
    run.wait(timeout_s=60)
    run.check({"work": 1})


def test_cron_schedule_makes_each_due_run_once_and_on_time(airflow: AirflowApi, every_minute: datetime) -> None:
    """With `catchup=False` Airflow makes up for the last minute alone, then makes a run at each."""

    def probe() -> DagRun | NotYet:
        found = [run for run in airflow.dag_runs(EVERY_MINUTE) if run.run_after and run.run_after > every_minute]
        return found[-1] if found else NotYet("no run")

    due = wait_until("the run of the next minute", probe, timeout_s=COMES_WITHIN.total_seconds())
    due = airflow.wait_for_run(due.dag_id, due.run_id, timeout_s=60)
    airflow.pause(EVERY_MINUTE)
    assert (due.run_type, due.state) == ("scheduled", "success")
    assert due.start
    assert due.run_after
    assert due.start - due.run_after <= PUNCTUAL
    assert due.start - every_minute <= COMES_WITHIN
    made = [run for run in airflow.dag_runs(EVERY_MINUTE) if run.start is None or run.start > every_minute]
    times = sorted(run.run_after for run in made if run.run_after)
    assert len(times) == len(made)
    assert times[0] > every_minute - 2 * MINUTE, "more than the last minute was caught up"
    assert times == [times[0] + index * MINUTE for index in range(len(times))]
    assert {run.run_type for run in made} == {"scheduled"}


def test_task_is_placed_on_its_node_pool_and_no_other_task_is(airflow_env: AirflowEnv, runs: Runs) -> None:
    node = airflow_env.environment.parts.cluster.node_names[-1]
    run = runs.start("e2e_pooled")
    inside = wait_until("a place for the task in the pool", lambda: placed(run, "inside"), timeout_s=60)
    assert (inside.node, inside.reason) == ("", NO_PLACE), "no node is of the pool yet"
    with add_to_pool(airflow_env.kubernetes, node, POOL):
        outside = wait_until("a place for the other task", lambda: placed(run, "outside"), timeout_s=60)
        assert outside.node != node
    run.wait(timeout_s=60)
    run.check({"inside": 1, "outside": 1})
    (inside, _) = run.pods
    assert inside.node == node


def placed(run: Run, task_id: str) -> WorkerPod | NotYet:
    """Return the task's pod once Kubernetes has found a node for it, or none."""
    pod = run.pod_of(task_id)
    return pod if pod and (pod.node or pod.reason == NO_PLACE) else NotYet("not decided" if pod else "no pod")
