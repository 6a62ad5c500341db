"""Every pod is admissible under the Pod Security Standard `restricted`; every account may do what it must, no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .render import STABLE, Object, Rendering, containers, render

ALLOWED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
USERS = {"metrics": (65534, 65534), "postgresql": (999, 999)}
AIRFLOW_USER = (50000, 0)

Rules = list[dict[str, Any]]
READS_VERSIONS: Rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
SCHEDULER: Rules = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "delete", "list", "patch", "watch"]},
    *READS_VERSIONS,
]
POD_CLEANUP: Rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["delete", "list"]}]
API_SERVER_WITHOUT_LOGS: Rules = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]

PUBLISHER: Rules = [
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "delete", "get", "list", "patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["create", "get"]},
]

# Where a container may write; all the rest of it is read-only.
AIRFLOW_WRITES = {"/tmp", "/opt/airflow/logs"}  # noqa: S108 - paths in a container
NOWHERE = set[str]()
WRITABLE = {
    "metrics": NOWHERE,
    "postgresql": {"/var/lib/postgresql/data", "/var/run/postgresql"},
    "test": NOWHERE,
}


def test_every_pod_runs_as_its_user_and_is_confined(chart: Rendering) -> None:
    for component, pod in chart.pods().items():
        user, group = USERS.get(component, AIRFLOW_USER)
        assert pod["spec"]["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            "fsGroup": group,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        }, component


def test_every_container_is_confined(chart: Rendering) -> None:
    for component, pod in chart.pods().items():
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }, f"{component}/{container['name']}"


def test_no_pod_reaches_into_its_node(chart: Rendering) -> None:
    for pod in chart.pods().values():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod["spec"])
        for volume in pod["spec"].get("volumes", []):
            assert set(volume) - {"name"} <= ALLOWED_VOLUMES
        for container in containers(pod):
            assert not any("hostPort" in port for port in container.get("ports", []))


def test_every_container_requests_cpu_and_memory(chart: Rendering) -> None:
    for component, pod in chart.pods().items():
        for container in containers(pod):
            requests = container["resources"]["requests"]
            assert set(requests) == {"cpu", "memory"}, f"{component}/{container['name']}"


def test_a_container_writes_only_here(chart: Rendering) -> None:
    for component, pod in chart.pods().items():
        container = pod["spec"]["containers"][0]
        writable = {one["mountPath"] for one in container.get("volumeMounts", []) if not one.get("readOnly")}
        assert writable == WRITABLE.get(component, AIRFLOW_WRITES), component


def test_airflow_writes_no_file_of_settings(chart: Rendering) -> None:
    assert chart["ConfigMap/airflow-config"]["data"]["AIRFLOW_CONFIG"] == "/dev/null"


def rules_of(chart: Rendering) -> dict[str, Rules]:
    """Return the rules that must be there: with a volume for logs, the API server reads none from pods."""
    persisted = any("persistentVolumeClaim" in one for one in chart.worker_pod()["spec"]["volumes"])
    api_server = {} if persisted else {"airflow-api-server": API_SERVER_WITHOUT_LOGS}
    pod_cleanup = {"airflow-pod-cleanup": POD_CLEANUP} if "pod-cleanup" in chart.pods() else {}
    return {"airflow-scheduler": SCHEDULER, "airflow-dag-processor": READS_VERSIONS, **api_server, **pod_cleanup}


def test_the_rules_are_exactly_these(chart: Rendering) -> None:
    rules = {role["metadata"]["name"]: role["rules"] for role in chart.of_kind("Role")}
    rules.pop("airflow-dags-publisher", None)  # which no pod has
    assert rules == rules_of(chart)
    assert not chart.of_kind("ClusterRole")
    assert not chart.of_kind("ClusterRoleBinding")


def test_each_binding_gives_an_account_its_own_role(chart: Rendering) -> None:
    for binding in chart.of_kind("RoleBinding"):
        name = binding["metadata"]["name"]
        assert binding["roleRef"]["name"] == name
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "tools"}]


def test_only_those_with_rules_get_a_token(chart: Rendering) -> None:
    with_token = {f"airflow-{name}" for name, pod in chart.pods().items() if has_token(pod)}
    assert with_token == set(rules_of(chart))
    # A pod that somebody else makes with such an account gets none by itself.
    assert not [one for one in chart.of_kind("ServiceAccount") if one["automountServiceAccountToken"]]


def test_without_versions_nobody_reads_config_maps(helm: Path) -> None:
    plain = render(helm, sets=(*STABLE, 'dags.bundles=[{"name": "dags", "configMap": "airflow-dags"}]'))
    rules = [rule for role in plain.of_kind("Role") for rule in role["rules"]]
    assert not [rule for rule in rules if "configmaps" in rule["resources"]]
    assert not has_token(plain.pods()["dag-processor"])


@pytest.mark.parametrize(("is_versioned", "touches"), [("true", []), ("false", ["patch"])])
def test_publisher_may_do_what_a_sync_does(helm: Path, is_versioned: str, touches: list[str]) -> None:
    bundles = f'dags.bundles=[{{"name": "dags", "configMap": "airflow-dags", "versioned": {is_versioned}}}]'
    made = render(helm, sets=(*STABLE, bundles, "dags.publisher=true"))
    config_maps, pods, forward = PUBLISHER
    rules = [config_maps, {**pods, "verbs": [*pods["verbs"], *touches]}, forward]
    assert made["Role/airflow-dags-publisher"]["rules"] == rules
    assert not made["ServiceAccount/airflow-dags-publisher"]["automountServiceAccountToken"]
    without = render(helm, sets=(*STABLE, bundles))
    added = {name for name in made.names() if name not in without.names()}
    assert added == {f"{kind}/airflow-dags-publisher" for kind in ("Role", "RoleBinding", "ServiceAccount")}


def has_token(pod: Object) -> bool:
    """Tell whether a pod gets a token; Kubernetes gives one unless it is told not to."""
    return bool(pod["spec"].get("automountServiceAccountToken", True))


@pytest.mark.parametrize("component", ["api-server", "scheduler", "dag-processor", "triggerer", "setup", "worker"])
def test_every_component_has_an_account_of_its_own(default: Rendering, component: str) -> None:
    assert default.pods()[component]["spec"]["serviceAccountName"] == f"airflow-{component}"
