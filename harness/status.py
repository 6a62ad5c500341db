"""What `status` tells: one row for each part of an environment."""

from dataclasses import dataclass

from harness import rollout
from harness.environment import Environment
from harness.errors import Advice, HarnessError, Verb
from harness.nodes import rest_of


@dataclass(frozen=True)
class Row:
    """One part: its state in a word, what one may want to know of it, and what to do when it is not good."""

    part: str
    state: str
    detail: str
    is_good: bool
    advice: Advice = ()


def read_status(environment: Environment) -> list[Row]:
    """Return all rows; a part that cannot be asked says so instead of hiding the others."""
    states = {} if environment.settings.is_elsewhere else environment.node_states()
    if rest := rest_of(states):  # what is on the nodes could only say that it does not answer
        return [Row("cluster", rest.state, ", ".join(states), is_good=False, advice=Verb(rest.verb, "brings it back"))]
    rows = []
    first = (_context,) if environment.settings.is_elsewhere else (_images, _cluster, _release)
    for look in (*first, _components, _airflow, _dags):
        try:
            rows.extend(look(environment))
        except HarnessError as error:
            rows.append(Row(look.__name__.strip("_"), "unknown", str(error).splitlines()[0], is_good=False))
    return rows


def _images(environment: Environment) -> list[Row]:
    choice = environment.parts.choice
    return [Row("images", choice.source, choice.reason, is_good=True)]


def _context(environment: Environment) -> list[Row]:
    settings = environment.settings
    environment.parts.kubernetes.list_metadata("Pod", settings.namespace, label_selector=settings.dag_processor)
    return [Row("cluster", "answers", f"context {settings.context}, namespace {settings.namespace}", is_good=True)]


def _cluster(environment: Environment) -> list[Row]:
    states = environment.node_states()
    problems = environment.parts.cluster.list_problems()
    return [Row("cluster", "not ready" if problems else "ready", ", ".join(problems or states), is_good=not problems)]


def _release(environment: Environment) -> list[Row]:
    settings = environment.settings
    found = environment.parts.helm.status(settings.release, namespace=settings.namespace)
    if found is None:
        return [Row("release", "absent", "", is_good=False, advice=Verb("up", "installs it"))]
    is_current = environment.parts.release.is_current(found)
    detail = f"{settings.release} revision {found.revision}"
    advice = () if is_current else Verb("up", "upgrades it")
    return [Row("release", found.status if is_current else "outdated", detail, is_current, advice)]


def _components(environment: Environment) -> list[Row]:
    found = rollout.list_workloads(environment.parts.kubernetes, environment.settings).availabilities()
    return [_component(workload) for workload in found if not (workload.is_job and workload.is_available)]


def _component(workload: rollout.Availability) -> Row:
    if workload.is_available:
        return Row(workload.name, "available", "", is_good=True)
    detail = workload.detail if workload.is_job else f"{workload.detail} ready"
    return Row(workload.name, "not ready", detail, is_good=False, advice=Verb("logs"))


def _airflow(environment: Environment) -> list[Row]:
    health = environment.parts.airflow.health()
    environment.parts.airflow.login()
    detail = ", ".join(health.problems)
    return [Row("airflow", "healthy" if health.is_healthy else "unhealthy", detail, health.is_healthy)]


def _dags(environment: Environment) -> list[Row]:
    state = environment.parts.dags.compare()
    package = environment.parts.dags.package()
    origin = str(environment.parts.dags.origin())
    detail = f"{len(package.files)} files, {package.size_bytes} bytes{f'; the cluster has {origin}' if origin else ''}"
    is_good = state == "same"
    return [Row("dags", state, detail, is_good, () if is_good else Verb("dags sync", "delivers them"))]
