"""The NetworkPolicies let through what Airflow needs and nothing else, whether or not a cluster enforces them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .render import STABLE, Object, Rendering, render

ON = (*STABLE, "networkPolicies.enabled=true", "cleanup.enabled=true", "metrics.enabled=true")
NO_DAG_CODE = "networkPolicies.dagCode=[]"
OUTSIDE: Object = {}

PORTS = {"api-server": 8080, "metrics": 9125, "postgresql": 5432, "triggerer": 8794}
COMPONENTS = (
    *("api-server", "cleanup", "dag-processor", "metrics", "pod-cleanup", "postgresql"),
    *("scheduler", "setup", "test", "triggerer", "worker"),
)
DATABASE_CLIENTS = {"api-server", "cleanup", "dag-processor", "scheduler", "setup", "triggerer"}
MEASURED = {"api-server", "dag-processor", "scheduler", "triggerer", "worker"}
FLOWS = {
    *((client, "postgresql") for client in DATABASE_CLIENTS),
    *((source, "metrics") for source in MEASURED),
    ("worker", "api-server"),
    ("test", "api-server"),
    ("api-server", "triggerer"),
}


EMPTY = ("networkPolicies.kubernetesApi=[]", "networkPolicies.externalDatabase=[]")


class Policies:
    """What the NetworkPolicies of a rendering let through."""

    def __init__(self, rendering: Rendering) -> None:
        """Take the policies, and the labels of the pods."""
        self.labels = {name: pod["metadata"]["labels"] for name, pod in rendering.pods().items()}
        self.specs = [one["spec"] for one in rendering.of_kind("NetworkPolicy")]

    def lets(self, source: str, target: str, port: int) -> bool:
        """Tell whether a connection goes through; a name that is no component is a place outside."""
        return self._passes("egress", "to", source, target, port) and self._passes(
            "ingress", "from", target, source, port
        )

    def _passes(self, direction: str, key: str, pod: str, peer: str, port: int) -> bool:
        if pod not in self.labels:
            return True
        (spec,) = [one for one in self.specs if matches(one["podSelector"], self.labels[pod])]
        return any(self._fits(rule, key, peer, port) for rule in spec.get(direction, []))

    def _fits(self, rule: Object, key: str, peer: str, port: int) -> bool:
        ports = rule.get("ports")
        if ports and port not in {one["port"] for one in ports}:
            return False
        peers = rule.get(key)
        return not peers or any(matches(one.get("podSelector"), self.labels.get(peer, OUTSIDE)) for one in peers)


def matches(selector: Any, labels: Object) -> bool:
    """Tell whether a pod selector selects a pod."""
    return bool(selector) and selector["matchLabels"].items() <= labels.items()


@pytest.fixture(scope="session")
def policies(helm: Path) -> Policies:
    """Return the policies without what the code of DAGs may do beyond Airflow's needs."""
    return Policies(render(helm, sets=(*ON, NO_DAG_CODE)))


def test_they_are_off_by_default(default: Rendering) -> None:
    assert not default.of_kind("NetworkPolicy")


def test_every_component_has_one_that_refuses_the_rest(helm: Path) -> None:
    rendering = render(helm, sets=ON)
    assert sorted(one["metadata"]["name"] for one in rendering.of_kind("NetworkPolicy")) == sorted(
        f"airflow-{component}" for component in rendering.pods()
    )
    for one in rendering.of_kind("NetworkPolicy"):
        assert one["spec"]["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.parametrize("target", COMPONENTS)
@pytest.mark.parametrize("source", COMPONENTS)
def test_the_flows_between_components_are_these(policies: Policies, source: str, target: str) -> None:
    if source != target:
        assert policies.lets(source, target, PORTS.get(target, 8080)) is ((source, target) in FLOWS)


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_that_calls_another_resolves_names(policies: Policies, component: str) -> None:
    assert policies.lets(component, "dns", 53) is (component not in {"metrics", "postgresql"})


@pytest.mark.parametrize("component", COMPONENTS)
def test_only_who_needs_it_reaches_the_kubernetes_api(policies: Policies, component: str) -> None:
    assert policies.lets(component, "kubernetes", 443) is (
        component in {"scheduler", "dag-processor", "api-server", "pod-cleanup"}
    )


def test_log_volume_keeps_the_api_server_off_the_kubernetes_api(helm: Path) -> None:
    logs = ("logs.persistence.enabled=true", "logs.persistence.existingClaim=airflow-logs")
    assert not Policies(render(helm, sets=(*ON, *logs))).lets("api-server", "kubernetes", 443)


def test_code_of_dags_goes_anywhere_but_where_it_is_not_let_in(helm: Path) -> None:
    open_policies = Policies(render(helm, sets=ON))
    for component in ("worker", "triggerer", "dag-processor"):
        assert open_policies.lets(component, "outside", 9999)
        assert not open_policies.lets(component, "scheduler", 8974)
    assert not open_policies.lets("worker", "postgresql", 5432)


def opened_to(helm: Path, key: str, app: str) -> Policies:
    """Return the policies when one of their values names an app beside ours, which itself may connect anywhere."""
    peer = f'networkPolicies.{key}=[{{"podSelector": {{"matchLabels": {{"app": "{app}"}}}}}}]'
    opened = Policies(render(helm, sets=(*ON, peer)))
    opened.labels[app] = {"app": app}
    opened.specs.append({"podSelector": {"matchLabels": {"app": app}}, "egress": [{}]})
    return opened


@pytest.mark.parametrize(
    ("value", "component"),
    [
        *(("apiServer", "api-server"), ("scheduler", "scheduler"), ("dagProcessor", "dag-processor")),
        *(("triggerer", "triggerer"), ("workers", "worker"), ("setup", "setup"), ("cleanup", "cleanup")),
        ("podCleanup", "pod-cleanup"),
    ],
)
def test_component_alone_reaches_what_its_value_adds(
    helm: Path, policies: Policies, value: str, component: str
) -> None:
    rule = f'networkPolicies.egress.{value}=[{{"ports": [{{"protocol": "TCP", "port": 4317}}]}}]'
    opened = Policies(render(helm, sets=(*ON, NO_DAG_CODE, rule)))
    assert not policies.lets(component, "collector", 4317)
    assert {one for one in COMPONENTS if opened.lets(one, "collector", 4317)} == {component}


def test_a_client_that_is_named_uses_the_api_and_no_other_does(helm: Path, policies: Policies) -> None:
    assert not policies.lets("browser", "api-server", 8080)
    opened = opened_to(helm, "clients", "proxy")
    assert opened.lets("proxy", "api-server", 8080)
    assert not opened.lets("browser", "api-server", 8080)
    assert not opened.lets("proxy", "triggerer", 8794)


def test_only_a_named_scraper_reads_the_metrics(helm: Path, policies: Policies) -> None:
    assert not policies.lets("prometheus", "metrics", 9102)
    opened = opened_to(helm, "scrapers", "prometheus")
    assert opened.lets("prometheus", "metrics", 9102)
    assert not opened.lets("prometheus", "metrics", 9125)
    assert not opened.lets("worker", "metrics", 9102)


def test_an_external_database_is_reached_by_those_that_use_one(helm: Path) -> None:
    external = render(helm, "production", sets=("networkPolicies.enabled=true", NO_DAG_CODE))
    assert "NetworkPolicy/airflow-postgresql" not in external.names()
    reached = {name for name in COMPONENTS if name != "postgresql" and Policies(external).lets(name, "outside", 5432)}
    assert reached == DATABASE_CLIENTS


def egress(rendering: Rendering) -> dict[str, list[Object]]:
    """Return the rules of each policy for what its pods connect to."""
    return {one["metadata"]["name"]: one["spec"].get("egress", []) for one in rendering.of_kind("NetworkPolicy")}


def test_empty_list_of_places_is_no_way_there(helm: Path) -> None:
    sets = (*ON, NO_DAG_CODE, "workers.serviceAccount.automountServiceAccountToken=true")
    full, empty = (egress(render(helm, "production", (*sets, *more))) for more in ((), EMPTY))
    places = ([443, 6443], [5432])
    left = {
        name: [rule for rule in rules if "to" in rule or [port["port"] for port in rule["ports"]] not in places]
        for name, rules in full.items()
    }
    changed = {"airflow-cleanup", "airflow-setup", "airflow-worker", "airflow-pod-cleanup"}
    assert changed <= {name for name in full if left[name] != full[name]}
    assert empty == left
