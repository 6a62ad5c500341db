"""Another component than the scheduler dies while a task runs: the task runs on in its pod."""

from pathlib import Path

import httpx2 as httpx
import pytest

from harness import AirflowEnv, NotYet, Runs, wait_until
from harness.faults import Faults, delete_component, hang_container, list_component_pods, scale_to_zero
from support.times import utc_now

from ..conftest import DeliveredDags
from ..dag_texts import say
from ..inside import parse_pod
from .components import check_available, check_unharmed, wait_until_task_is

pytestmark = pytest.mark.timeout(300, func_only=True)

# What e2e_deferred waits from the run's begin, and what its trigger may come late.
DEFERRED_S = 45
RESUMED_WITHIN_S = 60
SHORT_S = 10
LONG_S = 60


def test_running_task_outlives_the_database_s_death(airflow_env: AirflowEnv, runs: Runs, fault: Faults) -> None:
    run = runs.start("e2e_bystander", {"seconds": 40})
    pod = run.wait_until_running("wait")

    action = delete_component(airflow_env.kubernetes, airflow_env.namespace, "postgresql", by_force=True)
    with fault("the pod of postgresql is deleted by force", action) as injection:
        check_available(airflow_env)
        fault.note_recovery(injection)
    run.wait(timeout_s=150)

    check_unharmed(airflow_env, run, pod)


def test_known_dag_runs_while_the_dag_processor_is_away(airflow_env: AirflowEnv, runs: Runs, fault: Faults) -> None:
    action = delete_component(airflow_env.kubernetes, airflow_env.namespace, "dag-processor", by_force=True)
    with fault("the pod of dag-processor is deleted by force", action) as injection:
        run = runs.start("e2e_bystander", {"seconds": 1})
        pod = run.wait_until_running("wait")
        fault.note_recovery(injection)
    run.wait(timeout_s=90)

    check_unharmed(airflow_env, run, pod)


def test_deferred_task_resumes_in_time_after_the_triggerer_died(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults
) -> None:
    begin = utc_now()
    run = runs.start("e2e_deferred")

    wait_until_task_is(run, "deferred", timeout_s=40)
    action = delete_component(airflow_env.kubernetes, airflow_env.namespace, "triggerer", by_force=True)
    with fault("the pod of triggerer is deleted by force", action) as injection:
        pass
    run.wait(timeout_s=120)
    fault.note_recovery(injection)

    run.expect_tries({"wait": 1})
    run.expect_success()
    # A deferral is the named exception from one pod per try: one pod until it, one from it on.
    assert [pod.key.try_number for pod in run.pods] == [1, 1], run.timeline
    after_s = (run.pods[1].created - begin).total_seconds()
    # The API server cuts a pod's time of creation to whole seconds.
    assert DEFERRED_S - 1 <= after_s <= DEFERRED_S + RESUMED_WITHIN_S, run.timeline
    check_available(airflow_env)


def test_running_task_outlives_ten_seconds_without_an_api_server(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults
) -> None:
    run = runs.start("e2e_bystander", {"seconds": 20})
    pod = run.wait_until_running("wait")
    (found,) = list_component_pods(airflow_env.kubernetes, airflow_env.namespace, "api-server")
    server = parse_pod(found, utc_now())

    action = hang_container(airflow_env.docker, airflow_env.kubernetes, server)
    with fault("the api-server does not answer", action) as injection:
        stays_away(airflow_env, SHORT_S)
    check_available(airflow_env)
    fault.note_recovery(injection)
    run.wait(timeout_s=90)

    check_unharmed(airflow_env, run, pod)


def test_task_that_cannot_report_for_a_minute_is_retried(airflow_env: AirflowEnv, runs: Runs, fault: Faults) -> None:
    run = runs.start("e2e_worker_dies")
    first = run.wait_until_running("victim")

    action = scale_to_zero(airflow_env.kubernetes, airflow_env.namespace, "api-server")
    with fault("the api-server is away", action) as injection:
        stays_away(airflow_env, LONG_S)
    back = utc_now()
    run.wait(timeout_s=150)
    fault.note_recovery(injection)

    # Workers that begin while it is away end before their task does, and are replaced: several pods of the second try.
    run.expect_tries({"victim": 2})
    run.expect_success()
    run.expect_no_duplicates()
    (last,) = [ti for ti in run.tries if ti.try_number == 2]
    assert last.hostname not in ("", first.name)
    assert last.start
    assert (last.start - back).total_seconds() <= RESUMED_WITHIN_S, run.timeline
    check_available(airflow_env)


def test_new_dag_is_live_after_the_dag_processor_died(
    airflow_env: AirflowEnv, runs: Runs, fault: Faults, e2e_folder: Path, delivered_dags: DeliveredDags
) -> None:
    (e2e_folder / "e2e_newcomer.py").write_text(say("e2e_newcomer", "hello"))
    action = delete_component(airflow_env.kubernetes, airflow_env.namespace, "dag-processor", by_force=True)
    with fault("the pod of dag-processor is deleted by force", action) as injection:
        pass
    delivered_dags.sync(e2e_folder, force=False)
    fault.note_recovery(injection)

    run = runs.run("e2e_newcomer", timeout_s=90)
    run.check({"say": 1})
    assert injection.recovery_s is not None
    assert injection.recovery_s <= RESUMED_WITHIN_S


def stays_away(env: AirflowEnv, seconds: int) -> None:
    """See for so long that Airflow's API does not answer."""
    begin = utc_now()

    def probe() -> bool | NotYet:
        try:
            httpx.get(f"{env.settings.url}/api/v2/version", timeout=1)
        except httpx.HTTPError:
            away_s = (utc_now() - begin).total_seconds()
            return True if away_s >= seconds else NotYet(f"away for {away_s:.0f} s")
        raise AssertionError("the API answers although it is to be away")

    wait_until(f"{seconds} s without an answer", probe, timeout_s=seconds + 30)
