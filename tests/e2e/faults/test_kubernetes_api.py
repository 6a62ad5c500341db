"""The Kubernetes API is away while a task runs and ends."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

import pytest

from harness import AirflowEnv, NotYet, Run, Runs, WorkerPod, wait_until
from harness.faults import Faults, freeze_api_server, throttle_account
from support.times import utc_now

from .components import check_available, check_unharmed, ends, is_refused, restarts, wait_until_task_is

pytestmark = pytest.mark.timeout(240, func_only=True)

TASK_S = 20
# Well more than [scheduler] orphaned_tasks_check_interval on kind, 15 s, and less than the fault holds.
REFUSED_S = 45
BACK_WITHIN_S = 60


def test_task_ends_on_its_first_try_without_the_kubernetes_api(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults
) -> None:
    before = restarts(airflow_env, "scheduler")
    run = runs.start("e2e_bystander", {"seconds": TASK_S})
    pod = run.wait_until_running("wait")

    node = airflow_env.control_plane
    action = freeze_api_server(airflow_env.docker, node, airflow_env.kubernetes)
    with fault("the Kubernetes API server is stopped", action) as injection:
        wait_until_task_is(run, "success")
    run.wait(timeout_s=90)
    fault.note_recovery(injection)

    check_unharmed(airflow_env, run, pod)
    assert restarts(airflow_env, "scheduler") == before


def throttled(env: AirflowEnv, verbs: Sequence[str]) -> AbstractContextManager[str]:
    return throttle_account(
        env.docker,
        env.control_plane,
        env.kubernetes,
        namespace=env.namespace,
        account="airflow-scheduler",
        environment=env.settings.name,
        verbs=verbs,
    )


def test_task_waits_for_its_pod_while_429_refuses_new_pods(airflow_env: AirflowEnv, runs: Runs, fault: Faults) -> None:
    before = restarts(airflow_env, "scheduler")
    with fault("the Kubernetes API refuses new pods with 429", throttled(airflow_env, ["create"])) as injection:
        run = runs.start("e2e_chain")
        wait_until("a refused pod", lambda: is_refused(airflow_env, run, "Too Many Requests"), timeout_s=40)
        assert not run.pods
    run.wait(timeout_s=90)
    fault.note_recovery(injection)

    run.check({"first": 1, "second": 1, "third": 1})
    assert restarts(airflow_env, "scheduler") == before


@dataclass(frozen=True)
class Refusal:
    """A running task, and when the scheduler ended that was refused everything until it looked for lost pods."""

    run: Run
    pod: WorkerPod
    proof: str
    begun: datetime
    ended: datetime
    scheduler_ends: list[str]


@pytest.fixture(scope="module")
def refusal(airflow_env: AirflowEnv, shared_runs: Runs) -> Refusal:
    run = shared_runs.start("e2e_bystander", {"seconds": REFUSED_S + 10})
    pod = run.wait_until_running("wait")
    begun = utc_now()

    def probe() -> list[str] | NotYet:
        found, gone_s = ends(airflow_env, "scheduler", begun), (utc_now() - begun).total_seconds()
        return found if found or gone_s >= REFUSED_S else NotYet(f"{gone_s:.0f} s")

    with throttled(airflow_env, ["*"]) as proof:
        found = wait_until("the scheduler's look for lost pods", probe, timeout_s=REFUSED_S + 10)
    return Refusal(run, pod, proof, begun, utc_now(), found)


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="airflow/providers/cncf/kubernetes/executors/kubernetes_executor.py:204 and :1377 of cncf-kubernetes "
    "10.25.0: the look for completed pods does not catch a 429, and the scheduler ends by it",
)
def test_scheduler_that_is_refused_everything_goes_on(refusal: Refusal, fault: Faults) -> None:
    fault.note("the Kubernetes API refuses the scheduler with 429", refusal.proof, refusal.begun, run=refusal.run)
    assert not refusal.scheduler_ends


def test_running_task_outlives_a_scheduler_refused_everything(
    airflow_env: AirflowEnv, refusal: Refusal, fault: Faults
) -> None:
    what = "the Kubernetes API refuses the scheduler with 429"
    injection = fault.note(what, refusal.proof, refusal.begun, run=refusal.run)
    check_available(airflow_env)
    fault.note_recovery(injection)
    refusal.run.wait(timeout_s=90)
    check_unharmed(airflow_env, refusal.run, refusal.pod)
    assert injection.recovered
    assert (injection.recovered - refusal.ended).total_seconds() <= BACK_WITHIN_S
