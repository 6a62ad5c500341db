"""Prometheus finds what the scheduler, the dag-processor, the triggerer and each task's own pod measure."""

import re
from collections.abc import Iterator

import pytest

from harness.cluster import control_plane
from harness.observe.runs import Runs
from harness.pytest_plugin import AirflowEnv
from harness.tools.kind import KUBECTL
from harness.waiting import NotYet, wait_until

from .checks import check_run

pytestmark = pytest.mark.timeout(180, func_only=True)

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')
# Airflow measures this by its scheduler loop, its parser and its triggers alone.
OF_COMPONENTS = {
    "airflow_scheduler_heartbeat",
    "airflow_dag_processor_heartbeat",
    "airflow_triggerer_heartbeat",
}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(env: AirflowEnv) -> Samples:
    """Return what a scrape of the Service finds: (metric, labels) -> value."""
    path = f"/api/v1/namespaces/{env.namespace}/services/airflow-metrics:metrics/proxy/metrics"
    text = env.environment.docker.exec(control_plane(env.settings), *KUBECTL, "get", "--raw", path)
    return dict(samples(text))


def samples(text: str) -> Iterator[tuple[tuple[str, frozenset[tuple[str, str]]], float]]:
    """Yield the samples of Prometheus' text format."""
    for line in text.splitlines():
        if found := SAMPLE.match(line):
            yield (found[1], frozenset(LABEL.findall(found[2] or ""))), float(found[3])


def finished(seen: Samples, **wanted: str) -> float:
    """Return how many tasks with these labels have ended."""
    return sum(n for (name, labels), n in seen.items() if name == "airflow_ti_finish" and wanted.items() <= set(labels))


def test_end_of_each_task_is_counted_by_its_pod_with_its_ids_as_labels(airflow_env: AirflowEnv, runs: Runs) -> None:
    wanted = {"dag_id": "e2e_chain", "state": "success"}
    before = finished(scrape(airflow_env), **wanted)
    run = runs.run("e2e_chain", timeout_s=120)
    tasks = {ti.task_id for ti in run.task_instances}
    check_run(run, dict.fromkeys(tasks, 1))

    def probe() -> Samples | NotYet:
        seen = scrape(airflow_env)
        counted = finished(seen, **wanted) - before
        return seen if counted == len(tasks) else NotYet(f"{counted} of {len(tasks)} tasks are counted")

    seen = wait_until("the counters of the run", probe, timeout_s=30)
    for task_id in tasks:
        assert finished(seen, **wanted, task_id=task_id) >= 1


def test_each_component_measures_itself(airflow_env: AirflowEnv) -> None:
    def probe() -> bool | NotYet:
        missing = OF_COMPONENTS - {name for name, _ in scrape(airflow_env)}
        return NotYet(", ".join(sorted(missing))) if missing else True

    wait_until("the metrics of the components", probe, timeout_s=60)
