"""With the LocalExecutor beside the KubernetesExecutor the scheduler's pod has all that a worker's has."""

from __future__ import annotations

from pathlib import Path

import pytest

from .render import STABLE, Object, Rendering, containers, render, secret_keys
from .test_network import NO_DAG_CODE, ON, Policies

BOTH = "config.core.executor=LocalExecutor\\,KubernetesExecutor"
BUNDLES = 'dags.bundles=[{"name": "a", "configMap": "a"}, {"name": "b", "configMap": "b", "versioned": true}]'
LOGS = ("logs.persistence.enabled=true", "logs.persistence.existingClaim=airflow-logs")


@pytest.fixture(scope="module")
def both(helm: Path) -> Rendering:
    return render(helm, sets=(*STABLE, BOTH, BUNDLES, *LOGS))


def server(rendering: Rendering) -> Object:
    container: Object = rendering.pods()["scheduler"]["spec"]["containers"][0]
    return container


def test_airflow_is_told_both_executors(both: Rendering) -> None:
    assert both["ConfigMap/airflow-config"]["data"]["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor,KubernetesExecutor"


def test_scheduler_has_the_volumes_of_a_worker(both: Rendering) -> None:
    worker = both.worker_pod()["spec"]
    scheduler = both.pods()["scheduler"]["spec"]
    assert [one for one in worker["volumes"] if one not in scheduler["volumes"]] == []
    mounts = server(both)["volumeMounts"]
    assert [one for one in worker["containers"][0]["volumeMounts"] if one not in mounts] == []


def test_scheduler_s_tasks_have_the_variables(both: Rendering) -> None:
    assert "airflow-variables/*" in secret_keys(server(both))


def test_log_of_a_local_task_is_served_to_the_api_server(both: Rendering) -> None:
    assert {"name": "logs", "containerPort": 8793} in server(both)["ports"]
    assert "airflow-keys/api-secret-key" in secret_keys(server(both))
    name = {"name": "AIRFLOW__CORE__HOSTNAME_CALLABLE", "value": "host_address.get_host_address"}
    assert name in server(both)["env"]


def test_policies_let_local_tasks_work_and_their_logs_be_read(helm: Path) -> None:
    closed = Policies(render(helm, sets=(*ON, NO_DAG_CODE)))
    opened = Policies(render(helm, sets=(*ON, NO_DAG_CODE, BOTH)))
    for source, target, port in (("scheduler", "api-server", 8080), ("api-server", "scheduler", 8793)):
        assert opened.lets(source, target, port)
        assert not closed.lets(source, target, port)
    assert not opened.lets("scheduler", "outside", 9999)
    assert Policies(render(helm, sets=(*ON, BOTH))).lets("scheduler", "outside", 9999)


def test_without_it_the_scheduler_has_no_code_or_variables(stable: Rendering) -> None:
    assert "airflow-variables/*" not in secret_keys(server(stable))
    assert "logs" not in [one["name"] for one in server(stable)["volumeMounts"]]


@pytest.mark.parametrize(
    ("sets", "groomed"),
    [
        ((), {"dag-processor": ["268435456", "0"], "triggerer": ["268435456", "0"]}),
        (LOGS, {"dag-processor": ["268435456", "0"]}),
        (
            (*LOGS, "logs.persistence.keepDays=30", "logs.groomer.maxBytes=2000000"),
            {"dag-processor": ["2000000", "0"], "triggerer": ["0", "30"]},
        ),
        ((BOTH,), {name: ["268435456", "0"] for name in ("dag-processor", "scheduler", "triggerer")}),
    ],
    ids=["own volumes", "shared volume", "shared volume with days", "local tasks"],
)
def test_logs_have_a_bound_wherever_they_grow(helm: Path, sets: tuple[str, ...], groomed: dict[str, list[str]]) -> None:
    found = {}
    for component, pod in render(helm, sets=(*STABLE, *sets)).pods().items():
        main = pod["spec"]["containers"][0]
        for container in containers(pod):
            if container["name"] == "groom-logs":
                assert container["restartPolicy"] == "Always"
                assert container["args"][:3] == ["python", "/opt/airflow/scripts/groom_logs.py", "/opt/airflow/logs"]
                found[component] = container["args"][3:]
                (mount,) = [one for one in container["volumeMounts"] if one["mountPath"] == "/opt/airflow/logs"]
                assert mount in main["volumeMounts"]
    assert found == groomed
