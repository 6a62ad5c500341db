"""Prometheus finds what the scheduler, the dag-processor, the triggerer and each task's own pod measure."""

import pytest

from harness import AirflowEnv, NotYet, Runs, wait_until

from .scraping import finished, scrape, wait_until_counted

pytestmark = pytest.mark.timeout(180, func_only=True)

# Airflow measures this by its scheduler loop, its parser and its triggers alone.
OF_COMPONENTS = {
    "airflow_scheduler_heartbeat",
    "airflow_dag_processor_heartbeat",
    "airflow_triggerer_heartbeat",
}


def test_end_of_each_task_is_counted_with_its_ids_as_labels(airflow_env: AirflowEnv, runs: Runs) -> None:
    wanted = {"dag_id": "e2e_chain", "state": "success"}
    before = finished(scrape(airflow_env), **wanted)
    run = runs.run("e2e_chain", timeout_s=120)
    tasks = {ti.task_id for ti in run.task_instances}
    run.check(dict.fromkeys(tasks, 1))

    seen = wait_until_counted(airflow_env, before + len(tasks), **wanted)
    for task_id in tasks:
        assert finished(seen, **wanted, task_id=task_id) >= 1


def test_each_component_measures_itself(airflow_env: AirflowEnv) -> None:
    def probe() -> bool | NotYet:
        missing = OF_COMPONENTS - {name for name, _ in scrape(airflow_env)}
        return NotYet(", ".join(sorted(missing))) if missing else True

    wait_until("the metrics of the components", probe, timeout_s=60)
