"""What keeps Airflow there: copies, drains, an Ingress, the cleanup, and what a user may add."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .render import STABLE, Rendering, containers, render

SERVERS = {
    "api-server": "apiServer",
    "dag-processor": "dagProcessor",
    "scheduler": "scheduler",
    "triggerer": "triggerer",
}
EXTENDED = {**SERVERS, "cleanup": "cleanup", "setup": "setup", "worker": "workers"}
HOST = ("ingress.enabled=true", "ingress.host=airflow.example.com")
BASE_URL = "AIRFLOW__API__BASE_URL"


@pytest.mark.parametrize("component", SERVERS)
def test_drain_takes_one_of_two_and_a_single_one_stops_no_drain(helm: Path, component: str) -> None:
    one, two = (render(helm, sets=(*STABLE, f"{SERVERS[component]}.replicas={count}")) for count in (1, 2))
    assert not one.of_kind("PodDisruptionBudget")
    (budget,) = two.of_kind("PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert budget["spec"]["selector"] == two[f"Deployment/airflow-{component}"]["spec"]["selector"]


@pytest.mark.parametrize("component", SERVERS)
def test_copies_go_to_other_nodes_and_zones_where_there_are_some(chart: Rendering, component: str) -> None:
    deployment = chart[f"Deployment/airflow-{component}"]
    constraints = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert [one["topologyKey"] for one in constraints] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    for one in constraints:
        assert one["labelSelector"] == deployment["spec"]["selector"]
        assert one["whenUnsatisfiable"] == "ScheduleAnyway"


def test_the_ha_overlay_has_two_of_each_server(helm: Path) -> None:
    replicas = {one["metadata"]["name"]: one["spec"]["replicas"] for one in render(helm, "ha").of_kind("Deployment")}
    assert replicas == {f"airflow-{component}": 2 for component in SERVERS}


def test_the_ingress_leads_to_the_service(helm: Path) -> None:
    ingress = render(helm, "production")["Ingress/airflow-api-server"]["spec"]
    assert ingress["ingressClassName"] == "nginx"
    assert ingress["tls"] == [{"hosts": ["airflow.example.com"], "secretName": "airflow-tls"}]
    (rule,) = ingress["rules"]
    assert rule["host"] == "airflow.example.com"
    (path,) = rule["http"]["paths"]
    assert path["path"] == "/"
    service = path["backend"]["service"]
    ports = render(helm, "production")[f"Service/{service['name']}"]["spec"]["ports"]
    assert service["port"]["name"] in {port["name"] for port in ports}


@pytest.mark.parametrize(
    ("sets", "url"),
    [
        ((), None),
        (HOST, "http://airflow.example.com"),
        ((*HOST, "ingress.tlsSecretName=tls"), "https://airflow.example.com"),
        ((*HOST, "apiServer.baseUrl=https://proxy.example.com/airflow"), "https://proxy.example.com/airflow"),
    ],
    ids=["nowhere", "http", "https", "told"],
)
def test_airflow_knows_where_users_find_it(helm: Path, sets: tuple[str, ...], url: str | None) -> None:
    assert render(helm, sets=(*STABLE, *sets))["ConfigMap/airflow-config"]["data"].get(BASE_URL) == url


@pytest.mark.parametrize("component", EXTENDED)
def test_what_a_user_adds_reaches_every_airflow_container(helm: Path, component: str) -> None:
    values = EXTENDED[component]
    added: dict[str, Any] = render(
        helm,
        sets=(
            *STABLE,
            "cleanup.enabled=true",
            f'{values}.extraEnv=[{{"name": "ADDED", "value": "1"}}]',
            f'{values}.extraVolumes=[{{"name": "added", "emptyDir": {{}}}}]',
            f'{values}.extraVolumeMounts=[{{"name": "added", "mountPath": "/added"}}]',
        ),
    ).pods()[component]
    assert {"name": "added", "emptyDir": {}} in added["spec"]["volumes"]
    for container in containers(added):
        assert {"name": "ADDED", "value": "1"} in container["env"]
        assert {"name": "added", "mountPath": "/added"} in container["volumeMounts"]


def test_the_cleanup_is_off_by_default(default: Rendering) -> None:
    assert not default.of_kind("CronJob")


def test_the_cleanup_keeps_as_many_days_as_it_is_told(helm: Path) -> None:
    rendering = render(
        helm, sets=(*STABLE, "cleanup.enabled=true", "cleanup.keepDays=30", "cleanup.schedule=5 1 * * 0")
    )
    assert rendering["CronJob/airflow-cleanup"]["spec"]["schedule"] == "5 1 * * 0"
    (container,) = rendering.pods()["cleanup"]["spec"]["containers"]
    assert {"name": "KEEP_DAYS", "value": "30"} in container["env"]


def test_helm_test_looks_at_the_components_that_run(helm: Path) -> None:
    (container,) = render(helm, sets=(*STABLE, "triggerer.replicas=0")).pods()["test"]["spec"]["containers"]
    assert container["args"][2:] == ["metadatabase", "dag_processor", "scheduler"]


def test_helm_test_is_no_part_of_the_release(chart: Rendering) -> None:
    assert chart["Pod/airflow-test"]["metadata"]["annotations"]["helm.sh/hook"] == "test"
