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
EXTENDED = {**SERVERS, "cleanup": "cleanup", "pod-cleanup": "podCleanup", "setup": "setup", "worker": "workers"}
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


@pytest.mark.parametrize("url", ["https://x.example.com/airflow", "https://x.example.com/airflow/"])
def test_path_of_the_url_is_where_workers_and_probes_go(helm: Path, url: str) -> None:
    rendering = render(helm, sets=(*STABLE, f"apiServer.baseUrl={url}"))
    config = rendering["ConfigMap/airflow-config"]["data"]
    assert config["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://airflow-api-server:8080/airflow/execution/"
    (server,) = rendering.pods()["api-server"]["spec"]["containers"]
    probes = [server[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")]
    assert probes == [f"/airflow{path}" for path in ("/execution/health", "/api/v2/monitor/health", "/api/v2/version")]
    (test,) = rendering.pods()["test"]["spec"]["containers"]
    assert "http://airflow-api-server:8080/airflow" in test["args"]


@pytest.mark.parametrize(
    ("sets", "is_told"),
    [
        ((), False),
        (HOST, False),
        ((*HOST, "ingress.tlsSecretName=tls"), True),
        (("apiServer.baseUrl=http://a.example.com",), False),
        (("apiServer.baseUrl=https://a.example.com",), True),
    ],
    ids=["nowhere", "http", "https", "told http", "told https"],
)
def test_proxy_s_headers_count_where_it_ends_tls(helm: Path, sets: tuple[str, ...], *, is_told: bool) -> None:
    (server,) = render(helm, sets=(*STABLE, *sets)).pods()["api-server"]["spec"]["containers"]
    assert ("--proxy-headers" in server["args"]) is is_told
    assert ({"name": "FORWARDED_ALLOW_IPS", "value": "*"} in server["env"]) is is_told


def test_only_the_named_proxy_s_headers_count(helm: Path) -> None:
    sets = ("apiServer.baseUrl=https://a.example.com", "apiServer.forwardedAllowIps=10.0.0.0/8")
    (server,) = render(helm, sets=(*STABLE, *sets)).pods()["api-server"]["spec"]["containers"]
    assert {"name": "FORWARDED_ALLOW_IPS", "value": "10.0.0.0/8"} in server["env"]


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
    assert "CronJob/airflow-cleanup" not in default.names()


def test_the_cleanup_keeps_as_many_days_as_it_is_told(helm: Path) -> None:
    rendering = render(
        helm, sets=(*STABLE, "cleanup.enabled=true", "cleanup.keepDays=30", "cleanup.schedule=5 1 * * 0")
    )
    assert rendering["CronJob/airflow-cleanup"]["spec"]["schedule"] == "5 1 * * 0"
    (container,) = rendering.pods()["cleanup"]["spec"]["containers"]
    assert {"name": "KEEP_DAYS", "value": "30"} in container["env"]


def test_dead_pods_are_removed_by_airflow_s_own_command(helm: Path) -> None:
    sets = ("podCleanup.minCompletedMinutes=7", "podCleanup.minPendingMinutes=90", "podCleanup.schedule=@hourly")
    rendering = render(helm, sets=(*STABLE, *sets))
    assert rendering["CronJob/airflow-pod-cleanup"]["spec"]["schedule"] == "@hourly"
    (container,) = rendering.pods()["pod-cleanup"]["spec"]["containers"]
    assert container["args"] == [
        *("airflow", "kubernetes", "cleanup-pods", "--namespace=tools"),
        *("--min-completed-minutes=7", "--min-pending-minutes=90"),
    ]


def test_no_time_after_the_end_is_an_older_provider_s_way(helm: Path) -> None:
    (container,) = render(helm, sets=(*STABLE, "podCleanup.minCompletedMinutes=0")).pods()["pod-cleanup"]["spec"][
        "containers"
    ]
    assert container["args"][3:] == ["--namespace=tools", "--min-pending-minutes=60"]


def test_pods_wait_longer_than_airflow_does_before_they_go(default: Rendering) -> None:
    config = default["ConfigMap/airflow-config"]["data"]
    (container,) = default.pods()["pod-cleanup"]["spec"]["containers"]
    (minutes,) = [int(one.rpartition("=")[2]) for one in container["args"] if one.startswith("--min-pending")]
    assert minutes * 60 > 2 * float(config["AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT"])


def test_on_kind_nothing_but_the_scheduler_removes_pods(helm: Path) -> None:
    assert not render(helm, "kind").of_kind("CronJob")


def test_helm_test_looks_at_the_components_that_run(helm: Path) -> None:
    (container,) = render(helm, sets=(*STABLE, "triggerer.replicas=0")).pods()["test"]["spec"]["containers"]
    assert container["args"][3:] == ["metadatabase", "dag_processor", "scheduler"]


def test_helm_test_is_no_part_of_the_release(chart: Rendering) -> None:
    assert chart["Pod/airflow-test"]["metadata"]["annotations"]["helm.sh/hook"] == "test"
