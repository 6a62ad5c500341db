"""What the chart makes, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.settings import Settings

from .render import CHART, NAMESPACE, STABLE, Rendering, render

COMPONENTS = ("api-server", "dag-processor", "scheduler", "triggerer")

INVENTORY = """
ConfigMap/airflow-bundle-ignore
ConfigMap/airflow-config
ConfigMap/airflow-pod-template
ConfigMap/airflow-python
ConfigMap/airflow-scripts
Deployment/airflow-api-server
Deployment/airflow-dag-processor
Deployment/airflow-scheduler
Deployment/airflow-triggerer
Job/airflow-setup-HASH
Pod/airflow-test
Role/airflow-dag-processor
Role/airflow-scheduler
RoleBinding/airflow-dag-processor
RoleBinding/airflow-scheduler
Service/airflow-api-server
ServiceAccount/airflow-api-server
ServiceAccount/airflow-dag-processor
ServiceAccount/airflow-scheduler
ServiceAccount/airflow-setup
ServiceAccount/airflow-triggerer
ServiceAccount/airflow-worker
"""
POD_CLEANUP = """
CronJob/airflow-pod-cleanup
Role/airflow-pod-cleanup
RoleBinding/airflow-pod-cleanup
ServiceAccount/airflow-pod-cleanup
"""
WITHOUT_LOGS = """
Role/airflow-api-server
RoleBinding/airflow-api-server
"""
POSTGRESQL = """
Service/airflow-postgresql
StatefulSet/airflow-postgresql
"""


DISRUPTION = """
PodDisruptionBudget/airflow-api-server
PodDisruptionBudget/airflow-dag-processor
PodDisruptionBudget/airflow-scheduler
PodDisruptionBudget/airflow-triggerer
"""
METRICS = """
Deployment/airflow-metrics
Service/airflow-metrics
ServiceAccount/airflow-metrics
"""
PUBLISHER = """
Role/airflow-dags-publisher
RoleBinding/airflow-dags-publisher
ServiceAccount/airflow-dags-publisher
"""
PRODUCTION = """
CronJob/airflow-cleanup
Ingress/airflow-api-server
NetworkPolicy/airflow-api-server
NetworkPolicy/airflow-cleanup
NetworkPolicy/airflow-dag-processor
NetworkPolicy/airflow-metrics
NetworkPolicy/airflow-pod-cleanup
NetworkPolicy/airflow-scheduler
NetworkPolicy/airflow-setup
NetworkPolicy/airflow-test
NetworkPolicy/airflow-triggerer
NetworkPolicy/airflow-worker
ServiceAccount/airflow-cleanup
"""


@pytest.mark.parametrize(
    ("overlay", "more"),
    [
        ("", POD_CLEANUP + WITHOUT_LOGS + POSTGRESQL),
        ("kind", POSTGRESQL + METRICS + PUBLISHER),
        ("production", POD_CLEANUP + PRODUCTION + METRICS),
        ("ha", POD_CLEANUP + WITHOUT_LOGS + POSTGRESQL + DISRUPTION),
    ],
)
def test_the_objects_are_these(helm: Path, overlay: str, more: str) -> None:
    rendering = render(helm, overlay)
    setup = rendering.setup_job()["metadata"]["name"]
    keys = [key.replace(setup, "airflow-setup-HASH") for key in rendering.names()]
    assert keys == sorted([*INVENTORY.split(), *more.split()])


def test_install_on_a_cluster_adds_the_secrets_it_generates(default: Rendering, installed: Rendering) -> None:
    assert set(installed.names()) - set(default.names()) == {"Secret/airflow-internal", "Secret/airflow-postgresql"}


def test_on_kind_the_node_serves_airflow_s_port(helm: Path) -> None:
    service = render(helm, "kind")["Service/airflow-api-server"]["spec"]
    assert service["type"] == "NodePort"
    assert [port["nodePort"] for port in service["ports"]] == [Settings.model_fields["node_port"].default]


def test_on_kind_the_database_goes_before_all_else(helm: Path) -> None:
    assert render(helm, "kind").pods()["postgresql"]["spec"]["priorityClassName"] == "system-cluster-critical"


def test_every_object_is_labelled_and_in_the_release_namespace(chart: Rendering) -> None:
    for one in chart.objects:
        labels = dict(one["metadata"]["labels"])
        assert labels.pop("app.kubernetes.io/component")
        assert labels.pop("helm.sh/chart").startswith("tools-")
        assert labels == {
            "app.kubernetes.io/name": "airflow",
            "app.kubernetes.io/instance": "tools",
            "app.kubernetes.io/managed-by": "Helm",
            "app.kubernetes.io/part-of": "tools",
            "app.kubernetes.io/version": "3.3.2",
        }
        assert one["metadata"]["namespace"] == NAMESPACE


def test_selectors_never_change_and_select_their_pods(chart: Rendering) -> None:
    for one in [*chart.of_kind("Deployment"), *chart.of_kind("StatefulSet")]:
        component = one["metadata"]["name"].removeprefix("airflow-")
        selector = one["spec"]["selector"]["matchLabels"]
        assert selector == {
            "app.kubernetes.io/name": "airflow",
            "app.kubernetes.io/instance": "tools",
            "app.kubernetes.io/component": component,
        }
        assert selector.items() <= one["spec"]["template"]["metadata"]["labels"].items()


def test_services_select_exactly_one_component(chart: Rendering) -> None:
    for service in chart.of_kind("Service"):
        selector = service["spec"]["selector"]
        selected = [name for name, pod in chart.pods().items() if selector.items() <= pod["metadata"]["labels"].items()]
        assert selected == [service["metadata"]["name"].removeprefix("airflow-")]


def test_pods_that_roll_carry_no_version(chart: Rendering) -> None:
    for component, pod in chart.pods().items():
        assert component == "test" or not {"app.kubernetes.io/version", "helm.sh/chart"} & set(
            pod["metadata"]["labels"]
        )


def test_every_reference_to_an_object_of_ours_exists(chart: Rendering) -> None:
    keys = set(chart.names())
    for pod in chart.pods().values():
        account = pod["spec"].get("serviceAccountName")
        assert account is None or f"ServiceAccount/{account}" in keys
        for volume in pod["spec"].get("volumes", []):
            if "configMap" in volume:
                assert f"ConfigMap/{volume['configMap']['name']}" in keys


def test_the_dags_are_not_in_the_chart(chart: Rendering) -> None:
    for bundle in ("airflow-dags", "airflow-dags-e2e"):
        assert f"ConfigMap/{bundle}" not in chart.names()
    files = [name for one in chart.of_kind("ConfigMap") for name in one["data"] if name.endswith(".py")]
    python = ["configmap_dag_bundle.py", "configmap_dag_mounts.py", "dag_versions.py"]
    python += ["deadline_callbacks.py", "host_address.py", "metric_names.py"]
    scripts = [path.name for path in (CHART / "files").glob("*.py")]
    assert sorted(files) == sorted([*python, *scripts])


@pytest.mark.parametrize("component", ["dag-processor", "worker"])
def test_a_bundle_without_versions_is_mounted_by_name(helm: Path, component: str) -> None:
    spec = render(helm, "kind").pods()[component]["spec"]
    (container,) = spec["containers"]
    mounts = [mount for mount in container["volumeMounts"] if mount["name"].startswith("bundle-")]
    assert mounts == [{"name": "bundle-e2e-plain", "mountPath": "/opt/airflow/bundles/e2e-plain", "readOnly": True}]
    # The order counts: the later source wins, so a bundle may bring an .airflowignore of its own.
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["bundle-e2e-plain"]["projected"]["sources"] == [
        {"configMap": {"name": "airflow-bundle-ignore"}},
        {"configMap": {"name": "airflow-dags-e2e-plain", "optional": True}},
    ]


@pytest.mark.parametrize("component", ["api-server", "dag-processor", "scheduler", "triggerer", "worker"])
def test_every_component_finds_the_versioned_bundle_and_policy(default: Rendering, component: str) -> None:
    spec = default.pods()[component]["spec"]
    (container,) = spec["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    config = default["ConfigMap/airflow-config"]["data"]
    assert mounts["python"] == config["PYTHONPATH"]
    (volume,) = [volume["configMap"] for volume in spec["volumes"] if volume["name"] == "python"]
    assert {item["key"]: item["path"] for item in volume["items"]} == {
        "configmap_dag_bundle.py": "configmap_dag_bundle.py",
        "configmap_dag_mounts.py": "configmap_dag_mounts.py",
        "dag_versions.py": "dag_versions.py",
        "deadline_callbacks.py": "deadline_callbacks.py",
        "host_address.py": "host_address.py",
        "metric_names.py": "metric_names.py",
        "METADATA": "configmap_dags-1.dist-info/METADATA",
        "entry_points.txt": "configmap_dags-1.dist-info/entry_points.txt",
    }
    assert set(default[f"ConfigMap/{volume['name']}"]["data"]) == {item["key"] for item in volume["items"]}


@pytest.mark.parametrize("component", ["api-server", "scheduler", "triggerer", "setup", "postgresql"])
def test_the_dags_are_nowhere_else(default: Rendering, component: str) -> None:
    volumes = default.pods()[component]["spec"].get("volumes", [])
    assert not [volume["name"] for volume in volumes if volume["name"].startswith("bundle-")]


def test_airflow_is_told_where_the_bundles_are(helm: Path) -> None:
    config = render(helm, "kind")["ConfigMap/airflow-config"]["data"]
    bundles = json.loads(config["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
    assert {bundle["name"]: bundle["kwargs"] for bundle in bundles} == {
        "dags": {"config_map": "airflow-dags"},
        "e2e": {"config_map": "airflow-dags-e2e"},
        "e2e-plain": {"path": "/opt/airflow/bundles/e2e-plain"},
    }


def test_on_kind_a_renamed_dag_leaves_its_old_id_within_10_s(helm: Path) -> None:
    config = render(helm, "kind")["ConfigMap/airflow-config"]["data"]
    # A changed file is read at once, by its time, and not after `min_file_process_interval`.
    named = (
        *("DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL", "DAG_PROCESSOR__REFRESH_INTERVAL"),
        *("DAG_PROCESSOR__STALE_DAG_THRESHOLD", "SCHEDULER__PARSING_CLEANUP_INTERVAL"),
    )
    assert sum(int(config[f"AIRFLOW__{name}"]) for name in named) <= 10
    # The file's next parse after the change must count as later than the old id's last.
    threshold_s = int(config["AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD"])
    assert threshold_s < int(config["AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL"])


def test_every_setting_is_text(chart: Rendering) -> None:
    config = chart["ConfigMap/airflow-config"]["data"]
    assert all(isinstance(value, str) for value in config.values())
    assert config["AIRFLOW__CORE__EXECUTOR"] == "KubernetesExecutor"
    assert config["AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE"] == NAMESPACE


def test_a_large_number_stays_a_number(helm: Path) -> None:
    config = render(helm, sets=(*STABLE, "config.api.log_stream_buffer_size=1000000"))
    assert config["ConfigMap/airflow-config"]["data"]["AIRFLOW__API__LOG_STREAM_BUFFER_SIZE"] == "1000000"


def test_the_digest_pins_the_image(helm: Path) -> None:
    digest = "sha256:" + "0" * 64
    rendering = render(helm, sets=(*STABLE, f"images.airflow.digest={digest}"))
    for component in COMPONENTS:
        (container,) = rendering.pods()[component]["spec"]["containers"]
        assert container["image"] == f"apache/airflow:3.3.2@{digest}"
