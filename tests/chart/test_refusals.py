"""What the chart refuses beyond its schema, with the reason and what to do instead."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from airflow.configuration import conf

from .cluster import OWNED, READY, cluster
from .render import CHART, RenderError, render

SECRETS = {
    *("core.fernet_key", "database.sql_alchemy_conn", "database.sql_alchemy_conn_async", "api.secret_key"),
    *("api_auth.jwt_secret", "smtp.smtp_password", "secrets.backend_kwargs", "celery.broker_url"),
    *("sentry.sentry_dsn", "core.fernet_key_cmd", "smtp.smtp_password_secret"),
}
FIXED = {
    "api.base_url": "apiServer.baseUrl",
    "api.host": "ipv6",
    "api.port": "8080",
    "api.ssl_cert": "Ingress",
    "api.ssl_key": "Ingress",
    "kubernetes_executor.multi_namespace_mode": "the release's namespace",
    "kubernetes_executor.multi_namespace_mode_namespace_list": "the release's namespace",
    "kubernetes_executor.namespace": "install the release there",
    "kubernetes_executor.pod_template_file": "workers.templates",
    "logging.base_log_folder": "/opt/airflow/logs",
    "logging.remote_base_log_folder": "logs.remote.folder",
    "logging.remote_log_conn_id": "logs.remote.connectionSecret",
    "logging.remote_logging": "logs.remote.folder",
    "logging.trigger_log_server_port": "8794",
    "logging.worker_log_server_port": "8793",
    "scheduler.enable_health_check": "probes",
    "scheduler.scheduler_health_check_server_host": "ipv6",
    "scheduler.scheduler_health_check_server_port": "8974",
}


def refusal(helm: Path, assignment: str) -> str:
    with pytest.raises(RenderError) as caught:
        render(helm, sets=(assignment,))
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_secret_setting_is_refused_with_its_way_in(helm: Path, name: str) -> None:
    said = refusal(helm, f"config.{name}=x")
    assert f"config.{name} is a secret" in said
    assert f"AIRFLOW__{name.replace('.', '__').upper()} in a Secret" in said


def test_all_that_airflow_calls_sensitive_is_refused() -> None:
    text = (CHART / "templates/_refusals.tpl").read_text()
    listed = text.partition('"airflow.secretSettings" -}}')[2].partition("{{- end }}")[0]
    refused = {(section, key) for section, keys in yaml.safe_load(listed).items() for key in keys}
    assert set(conf.sensitive_config_values) - refused == set()


@pytest.mark.parametrize(("name", "instead"), FIXED.items())
def test_setting_that_the_chart_goes_by_is_refused(helm: Path, name: str, instead: str) -> None:
    said = refusal(helm, f"config.{name}=x")
    assert f"config.{name} cannot be changed" in said
    assert instead in said


@pytest.mark.parametrize("executor", ["LocalExecutor", "CeleryExecutor", "KubernetesExecutor\\,LocalExecutor", ""])
def test_executor_without_support_is_refused_with_reason(helm: Path, executor: str) -> None:
    said = refusal(helm, f"config.core.executor={executor}")
    assert "is not supported" in said
    assert "set KubernetesExecutor or LocalExecutor,KubernetesExecutor" in said


def test_two_bundles_of_one_name_are_refused(helm: Path) -> None:
    bundles = '[{"name": "dags", "configMap": "a"}, {"name": "dags", "configMap": "b", "versioned": true}]'
    assert "two bundles have the name dags" in refusal(helm, f"dags.bundles={bundles}")


@pytest.mark.parametrize(("release", "is_refused"), [("tools", False), ("other", True)])
def test_second_release_in_a_namespace_is_refused(
    helm: Path, tmp_path: Path, release: str, *, is_refused: bool
) -> None:
    labels = {"app.kubernetes.io/instance": release, "app.kubernetes.io/managed-by": "Helm"}
    metadata = {"name": "airflow-config", "labels": labels, "annotations": OWNED}
    present = {"kind": "ConfigMap", "metadata": metadata}
    with cluster(tmp_path, (*READY, present)) as kubeconfig:
        if is_refused:
            with pytest.raises(RenderError, match="namespace tools has the release other of this chart"):
                render(helm, kubeconfig=kubeconfig)
        else:
            assert render(helm, kubeconfig=kubeconfig).objects
