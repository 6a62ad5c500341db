"""What a scrape of the metrics finds."""

import re
from collections.abc import Iterator

from harness import AirflowEnv, NotYet, wait_until

from .inside import KUBECTL

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(env: AirflowEnv) -> Samples:
    """Return what a scrape of the Service finds: (metric, labels) -> value."""
    path = f"/api/v1/namespaces/{env.namespace}/services/airflow-metrics:metrics/proxy/metrics"
    text = env.docker.exec(env.control_plane, *KUBECTL, "get", "--raw", path)
    return dict(samples(text))


def samples(text: str) -> Iterator[tuple[tuple[str, frozenset[tuple[str, str]]], float]]:
    """Yield the samples of Prometheus' text format."""
    for line in text.splitlines():
        if found := SAMPLE.match(line):
            yield (found[1], frozenset(LABEL.findall(found[2] or ""))), float(found[3])


def finished(seen: Samples, **wanted: str) -> float:
    """Return how many tasks with these labels have ended."""
    return sum(n for (name, labels), n in seen.items() if name == "airflow_ti_finish" and wanted.items() <= set(labels))


def wait_until_counted(env: AirflowEnv, count: float, **wanted: str) -> Samples:
    """Wait until so many tasks with these labels have ended, by the metrics, and return what was found last."""

    def probe() -> Samples | NotYet:
        seen = scrape(env)
        counted = finished(seen, **wanted)
        return seen if counted == count else NotYet(f"{counted:g} of {count:g} tasks are counted")

    return wait_until("the counters of the tasks that ended", probe, timeout_s=30)
