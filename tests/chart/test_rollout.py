"""A changed value rolls the pods that it touches and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from .render import STABLE, Rendering, containers, render

AIRFLOW = {"api-server", "dag-processor", "scheduler", "triggerer"}

# The Job is not rolled but replaced; "worker" stands for the pods of tasks to come, "test" for that of `helm test`.
ROLLS: dict[str, tuple[str, set[str]]] = {
    "API server replicas": ("apiServer.replicas=2", set()),
    "API server port on the nodes": ("apiServer.service.type=NodePort", set()),
    "API server resources": ("apiServer.resources.requests.cpu=1", {"api-server"}),
    "API server nodes": ("apiServer.nodeSelector.pool=web", {"api-server", "test"}),
    "scheduler resources": ("scheduler.resources.requests.cpu=1", {"scheduler"}),
    "DAG processor resources": ("dagProcessor.resources.requests.cpu=1", {"dag-processor"}),
    "triggerer resources": ("triggerer.resources.requests.cpu=1", {"triggerer"}),
    "worker resources": ("workers.resources.requests.cpu=1", {"scheduler", "worker"}),
    "worker priority": ("workers.priorityClassName=low", {"scheduler", "worker"}),
    "scheduler priority": ("scheduler.priorityClassName=high", {"scheduler"}),
    "PostgreSQL priority": ("postgresql.priorityClassName=high", {"postgresql"}),
    "a variable of the API server": ('apiServer.extraEnv=[{"name": "A", "value": "b"}]', {"api-server"}),
    "a volume of workers": ('workers.extraVolumes=[{"name": "a", "emptyDir": {}}]', {"scheduler", "worker"}),
    "a worker template": ('workers.templates={"small": {"labels": {"team": "a"}}}', {"scheduler"}),
    "worker labels": ("workers.labels.team=a", {"scheduler", "worker"}),
    "worker nodes": ("workers.nodeSelector.pool=tasks", {"scheduler", "worker"}),
    "PostgreSQL resources": ("postgresql.resources.requests.cpu=1", {"postgresql"}),
    "PostgreSQL image": ("images.postgresql.tag=15.9", {"postgresql"}),
    "Airflow image": ("images.airflow.tag=3.3.2-1", {*AIRFLOW, "pod-cleanup", "setup", "test", "worker"}),
    "a setting": ("config.scheduler.job_heartbeat_sec=6", AIRFLOW),
    "NetworkPolicies": ("networkPolicies.enabled=true", set()),
    "base URL": ("apiServer.baseUrl=https://airflow.example.com", AIRFLOW),
    "DAG bundles": (
        'dags.bundles=[{"name": "dags", "configMap": "team-dags"}]',
        {*AIRFLOW, "worker"},
    ),
    "variables Secret": ("secrets.variables=other", {"dag-processor", "scheduler", "triggerer", "worker"}),
    "UI credentials Secret": ("secrets.uiCreds=other", {*AIRFLOW, "setup", "test"}),
    "setup resources": ("setup.resources.requests.cpu=1", {"setup"}),
    "pull Secrets": (
        'imagePullSecrets=["pull"]',
        {*AIRFLOW, "pod-cleanup", "setup", "test", "worker", "postgresql"},
    ),
}


def changed(before: Rendering, after: Rendering) -> set[str]:
    """Return the components whose pods differ."""
    old, new = before.pods(), after.pods()
    assert set(old) == set(new)
    return {name for name in old if old[name] != new[name]}


@pytest.mark.parametrize(("assignment", "rolled"), ROLLS.values(), ids=ROLLS.keys())
def test_a_value_rolls_only_what_it_touches(helm: Path, stable: Rendering, assignment: str, rolled: set[str]) -> None:
    assert changed(stable, render(helm, sets=(*STABLE, assignment))) == rolled


def test_the_same_values_roll_nothing(helm: Path, stable: Rendering) -> None:
    # A false value changes the cache's key, not the chart's answer.
    again = render(helm, sets=(*STABLE, "postgresql.enabled=true"))
    assert changed(stable, again) == set()
    assert again.setup_job() == stable.setup_job()


def test_new_internal_keys_roll_all_that_use_them(helm: Path, kubeconfig: Path, installed: Rendering) -> None:
    # A false value changes the cache's key, not the chart's answer.
    again = render(helm, "", ("postgresql.enabled=true",), kubeconfig)
    assert installed["Secret/airflow-internal"]["data"] != again["Secret/airflow-internal"]["data"]
    assert changed(installed, again) == AIRFLOW


@pytest.mark.parametrize(
    "assignment",
    ["images.airflow.tag=3.3.2-1", "setup.resources.requests.cpu=1", "secrets.uiCreds=other"],
)
def test_a_changed_setup_job_has_a_new_name(helm: Path, stable: Rendering, assignment: str) -> None:
    after = render(helm, sets=(*STABLE, assignment)).setup_job()
    assert after["spec"] != stable.setup_job()["spec"]
    assert after["metadata"]["name"] != stable.setup_job()["metadata"]["name"]


@pytest.mark.parametrize("assignment", ["scheduler.replicas=2", "config.scheduler.job_heartbeat_sec=6"])
def test_an_unchanged_setup_job_keeps_its_name(helm: Path, stable: Rendering, assignment: str) -> None:
    assert render(helm, sets=(*STABLE, assignment)).setup_job() == stable.setup_job()


def test_every_component_waits_for_the_setup_s_mark(chart: Rendering) -> None:
    (setup,) = chart.setup_job()["spec"]["template"]["spec"]["containers"]
    mark = setup["args"][-1]
    for component in AIRFLOW:
        wait = containers(chart.pods()[component])[0]
        assert wait["args"][1:] == ["/opt/airflow/scripts/wait_for_setup.py", mark]


def test_the_api_server_is_never_away_during_a_rollout(chart: Rendering) -> None:
    strategy = chart["Deployment/airflow-api-server"]["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize("overlay", ["", "production", "ha"])
@pytest.mark.parametrize("component", sorted(AIRFLOW))
def test_pod_that_never_gets_ready_takes_none_away(helm: Path, overlay: str, component: str) -> None:
    strategy = render(helm, overlay)[f"Deployment/airflow-{component}"]["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


@pytest.mark.parametrize("component", ["scheduler", "dag-processor", "triggerer"])
def test_on_kind_a_rollout_needs_no_room_for_a_second_one(helm: Path, component: str) -> None:
    strategy = render(helm, "kind")[f"Deployment/airflow-{component}"]["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


@pytest.mark.parametrize("component", ["apiServer", "scheduler", "dagProcessor", "triggerer"])
def test_strategy_is_what_the_values_say(helm: Path, component: str) -> None:
    names = {"apiServer": "api-server", "dagProcessor": "dag-processor"}
    rendering = render(helm, sets=(*STABLE, f"{component}.strategy.type=Recreate"))
    strategy = rendering[f"Deployment/airflow-{names.get(component, component)}"]["spec"]["strategy"]
    assert strategy == {"type": "Recreate"}


def test_scheduler_beside_a_stalled_one_makes_the_pods_it_knows(chart: Rendering) -> None:
    (container,) = chart.pods()["scheduler"]["spec"]["containers"]
    mounts = [one for one in container["volumeMounts"] if one["name"] == "pod-template"]
    files = set(chart["ConfigMap/airflow-pod-template"]["data"])
    # A file that is mounted by subPath does not follow its ConfigMap.
    assert {one["subPath"] for one in mounts} == files
    assert all(one["mountPath"] == f"/opt/airflow/pod_template/{one['subPath']}" for one in mounts)
