"""The Kubernetes API is away while a task runs and ends."""

import pytest

from harness.cluster import control_plane
from harness.faults.kube_api import account_throttled, api_frozen
from harness.faults.ledger import Faults
from harness.observe.runs import Runs
from harness.pytest_plugin import AirflowEnv
from harness.waiting import wait_until

from ..checks import check_run
from .components import check_unharmed, is_refused, restarts, wait_until_task_is

pytestmark = pytest.mark.timeout(240, func_only=True)

TASK_S = 20


def test_task_ends_on_its_first_try_while_the_kubernetes_api_does_not_answer(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults
) -> None:
    before = restarts(airflow_env, "scheduler")
    run = runs.start("e2e_bystander", {"seconds": TASK_S})
    pod = run.wait_until_running("wait")

    node = control_plane(airflow_env.settings)
    action = api_frozen(airflow_env.environment.docker, node, airflow_env.kubernetes)
    with fault("the Kubernetes API server is stopped", action) as injection:
        wait_until_task_is(run, "success")
    run.wait(timeout_s=90)
    fault.recovered(injection)

    check_unharmed(airflow_env, run, pod)
    assert restarts(airflow_env, "scheduler") == before


def test_task_waits_for_its_pod_while_the_scheduler_is_throttled(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults
) -> None:
    before = restarts(airflow_env, "scheduler")
    action = account_throttled(
        airflow_env.environment.docker,
        control_plane(airflow_env.settings),
        airflow_env.kubernetes,
        namespace=airflow_env.namespace,
        account="airflow-scheduler",
        environment=airflow_env.settings.name,
    )

    with fault("the Kubernetes API refuses the scheduler with 429", action) as injection:
        run = runs.start("e2e_chain")
        wait_until("a refused pod", lambda: is_refused(airflow_env, run, "Too Many Requests"), timeout_s=60)
        assert not run.pods
    run.wait(timeout_s=90)
    fault.recovered(injection)

    check_run(run, {"first": 1, "second": 1, "third": 1})
    assert restarts(airflow_env, "scheduler") == before
