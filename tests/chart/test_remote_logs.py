"""Task logs in a store outside of the cluster, by values: S3 and what speaks like it, and others that Airflow knows."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .cluster import READY, cluster
from .render import CHART, STABLE, RenderError, Rendering, containers, render, secret_keys

FOLDER = "logs.remote.folder=s3://logs/airflow"
CONNECTION = "logs.remote.connectionSecret=log-store"
KEY = "log-store/connection"
BOTH = "config.core.executor=LocalExecutor\\,KubernetesExecutor"


def settings(rendering: Rendering) -> dict[str, str]:
    data = rendering["ConfigMap/airflow-config"]["data"]
    names = ("REMOTE_LOGGING", "REMOTE_BASE_LOG_FOLDER", "REMOTE_LOG_CONN_ID")
    return {name: data[f"AIRFLOW__LOGGING__{name}"] for name in names if f"AIRFLOW__LOGGING__{name}" in data}


def holders(rendering: Rendering) -> set[str]:
    return {name for name, pod in rendering.pods().items() for one in containers(pod) if KEY in secret_keys(one)}


def test_by_default_logs_go_to_no_store(default: Rendering) -> None:
    assert settings(default) == {}


def test_pods_identity_is_used_without_a_connection(helm: Path) -> None:
    rendering = render(helm, sets=(*STABLE, FOLDER))
    assert settings(rendering) == {
        "REMOTE_LOGGING": "True",
        "REMOTE_BASE_LOG_FOLDER": "s3://logs/airflow",
        "REMOTE_LOG_CONN_ID": "",
    }
    assert holders(rendering) == set()


@pytest.mark.parametrize(("sets", "more"), [((), set()), ((BOTH,), {"scheduler"})], ids=["Kubernetes", "both"])
def test_who_writes_or_reads_has_the_connection(helm: Path, sets: tuple[str, ...], more: set[str]) -> None:
    rendering = render(helm, sets=(*STABLE, FOLDER, CONNECTION, *sets))
    assert settings(rendering)["REMOTE_LOG_CONN_ID"] == "remote_logs"
    assert holders(rendering) == {"api-server", "triggerer", "worker", *more}
    (worker,) = rendering.worker_pod()["spec"]["containers"]
    assert [one["name"] for one in worker["env"]] == ["AIRFLOW_CONN_REMOTE_LOGS"]


def test_connection_that_is_missing_is_refused_at_install(helm: Path, tmp_path: Path) -> None:
    with (
        cluster(tmp_path, READY) as kubeconfig,
        pytest.raises(RenderError, match="namespace tools has no Secret log-store"),
    ):
        render(helm, "", (FOLDER, CONNECTION), kubeconfig)


@pytest.mark.parametrize("sets", [(CONNECTION,), ("logs.remote.folder=bucket",)], ids=["no folder", "no URL"])
def test_store_without_a_url_is_refused(helm: Path, sets: tuple[str, ...]) -> None:
    with pytest.raises(RenderError, match="logs"):
        render(helm, sets=sets)


@pytest.mark.parametrize(("value", "is_warned"), [("ipv6=false", True), (FOLDER, False)], ids=["no store", "a store"])
def test_notes_warn_of_logs_only_without_a_store(helm: Path, value: str, *, is_warned: bool) -> None:
    command = [str(helm), "install", "tools", str(CHART), "--dry-run=client", "--set", value]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert ("Task logs go with their pods" in done.stdout.partition("NOTES:")[2]) is is_warned
