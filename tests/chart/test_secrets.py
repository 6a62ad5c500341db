"""Each component gets the secrets that it needs; workers get none of Airflow's."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from .cluster import CREDS, OWNED, READY, cluster
from .conftest import OVERLAYS
from .render import RenderError, Rendering, containers, mounted_secrets, render, secret_keys, text_of

URL = "airflow-postgresql/connection"
FERNET = "airflow-internal/fernet-key"
JWT = "airflow-internal/jwt-secret"
API_KEY = "airflow-internal/api-secret-key"
VARIABLES = "airflow-variables/*"
UI_CREDS = {f"airflow-ui-creds/{key}" for key in ("username", "password", "email")}

NEEDED = {
    "api-server": {URL, FERNET, JWT, API_KEY},
    "scheduler": {URL, FERNET, JWT},
    "dag-processor": {URL, FERNET, VARIABLES},
    "triggerer": {URL, FERNET, API_KEY, VARIABLES},
    "setup": {URL, FERNET, *UI_CREDS},
    "worker": {VARIABLES},
    "postgresql": {"airflow-postgresql/password"},
    "cleanup": {URL},
    "pod-cleanup": set(),
    "test": UI_CREDS - {"airflow-ui-creds/email"},
}


@pytest.mark.parametrize("component", NEEDED)
def test_a_component_gets_exactly_what_it_needs(helm: Path, component: str) -> None:
    got: set[str] = set()
    for container in containers(render(helm, sets=("cleanup.enabled=true",)).pods()[component]):
        got |= secret_keys(container)
    assert got == NEEDED[component]


def test_login_is_mounted_only_where_its_change_is_read(chart: Rendering) -> None:
    mounted = {
        (component, container["name"]): secrets
        for component, pod in chart.pods().items()
        for container in containers(pod)
        if (secrets := mounted_secrets(pod, container))
    }
    assert mounted == {("api-server", "keep-admin"): {"airflow-ui-creds"}}
    (sidecar,) = [one for one in containers(chart.pods()["api-server"]) if one["name"] == "keep-admin"]
    assert sidecar["restartPolicy"] == "Always"
    assert not [one for one in sidecar["volumeMounts"] if "subPath" in one]  # a subPath is never renewed


def test_workers_get_no_secret_of_airflow_on_any_way(chart: Rendering) -> None:
    pod = chart.worker_pod()
    assert pod["spec"]["automountServiceAccountToken"] is False
    (container,) = pod["spec"]["containers"]
    assert "env" not in container
    assert container["envFrom"] == [
        {"configMapRef": {"name": "airflow-config"}},
        {"secretRef": {"name": "airflow-variables"}},
    ]
    for volume in pod["spec"]["volumes"]:
        assert "secret" not in volume
        for source in volume.get("projected", {}).get("sources", []):
            assert set(source) == {"configMap"}


def test_the_worker_is_what_the_executor_expects(chart: Rendering) -> None:
    pod = chart.worker_pod()
    assert pod["spec"]["containers"][0]["name"] == "base"
    assert pod["spec"]["restartPolicy"] == "Never"
    assert pod["metadata"]["labels"]["app.kubernetes.io/component"] == "worker"


def test_argo_cd_that_tracks_by_label_leaves_the_worker(chart: Rendering) -> None:
    annotations = chart.worker_pod()["metadata"]["annotations"]
    assert annotations["argocd.argoproj.io/sync-options"] == "Prune=false"
    assert annotations["argocd.argoproj.io/compare-options"] == "IgnoreExtraneous"


def test_no_secret_setting_is_in_a_config_map(chart: Rendering) -> None:
    settings = set(chart["ConfigMap/airflow-config"]["data"])
    assert not settings & {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__API_AUTH__JWT_SECRET",
        "AIRFLOW__API__SECRET_KEY",
    }


def test_no_secret_value_is_outside_the_secrets(installed: Rendering) -> None:
    values = [
        text
        for secret in installed.of_kind("Secret")
        for text in (*secret["data"].values(), *map(decoded, secret["data"].values()))
    ]
    rest = yaml.safe_dump([one for one in installed.objects if one["kind"] != "Secret"], width=10**6)
    assert values
    assert not [value for value in values if value in rest]


def test_the_generated_keys_are_strong_and_well_formed(installed: Rendering) -> None:
    data = {key: decoded(value) for key, value in installed["Secret/airflow-internal"]["data"].items()}
    assert set(data) == {"fernet-key", "jwt-secret", "api-secret-key"}
    assert len(base64.urlsafe_b64decode(data["fernet-key"])) == 32
    assert len(data["jwt-secret"]) >= 64
    assert len(data["api-secret-key"]) >= 32


def test_the_database_url_has_the_generated_password(installed: Rendering) -> None:
    data = installed["Secret/airflow-postgresql"]["data"]
    password = decoded(data["password"])
    assert decoded(data["connection"]) == (f"postgresql+psycopg2://airflow:{password}@airflow-postgresql:5432/airflow")


def test_the_keys_outlive_the_release(installed: Rendering) -> None:
    secrets = installed.of_kind("Secret")
    assert len(secrets) == 2
    for secret in secrets:
        assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_argo_cd_that_takes_over_leaves_the_keys(installed: Rendering) -> None:
    for secret in installed.of_kind("Secret"):
        annotations = secret["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"
        assert annotations["argocd.argoproj.io/compare-options"] == "IgnoreExtraneous"


def test_an_external_database_and_keys_of_ones_own_are_used(helm: Path) -> None:
    rendering = render(helm, "production")
    got = set[str]()
    for pod in rendering.pods().values():
        for container in containers(pod):
            got |= {key.split("/")[0] for key in secret_keys(container)}
    assert got == {"airflow-database", "airflow-keys", "airflow-ui-creds", "airflow-variables"}


def test_the_admin_password_is_no_argument(chart: Rendering) -> None:
    for container in containers(chart.setup_job()["spec"]["template"]):
        assert "ADMIN" not in " ".join(container["args"])


def decoded(value: str) -> str:
    """Return the text that a Secret's value stands for."""
    return base64.b64decode(value).decode()


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda name: name or "default")
def test_two_renderings_without_a_cluster_are_the_same(helm: Path, overlay: str) -> None:
    assert text_of(helm, overlay) == text_of(helm, overlay)


def test_keys_that_the_cluster_has_are_kept(helm: Path, installed: Rendering, tmp_path: Path) -> None:
    kept = [{**one, "metadata": {**one["metadata"], "annotations": OWNED}} for one in installed.of_kind("Secret")]
    with cluster(tmp_path, (*READY, *kept)) as kubeconfig:
        again = render(helm, kubeconfig=kubeconfig)
    assert again.objects == installed.objects


def test_namespace_that_is_yet_to_be_made_gets_keys(helm: Path, tmp_path: Path) -> None:
    with cluster(tmp_path, [{"kind": "Namespace", "metadata": {"name": "kube-system"}}]) as kubeconfig:
        assert len(render(helm, kubeconfig=kubeconfig).of_kind("Secret")) == 2


@pytest.mark.parametrize("manager", ["airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"])
def test_other_auth_manager_gets_no_administrator(helm: Path, manager: str, tmp_path: Path) -> None:
    sets = (f"config.core.auth_manager={manager}",)
    with cluster(tmp_path, [one for one in READY if one is not CREDS]) as kubeconfig:
        rendering = render(helm, "", sets, kubeconfig)
    assert "airflow-ui-creds" not in yaml.safe_dump(rendering.objects)
    (container,) = rendering.setup_job()["spec"]["template"]["spec"]["containers"]
    # Components wait for the mark all the same.
    mark = containers(rendering.pods()["scheduler"])[0]["args"][-1]
    assert container["args"] == ["python", "/opt/airflow/scripts/leave_mark.py", mark]
    assert "keep-admin" not in [one["name"] for one in containers(rendering.pods()["api-server"])]


def test_without_the_login_s_secret_fab_is_refused(helm: Path, tmp_path: Path) -> None:
    with (
        cluster(tmp_path, [one for one in READY if one is not CREDS]) as kubeconfig,
        pytest.raises(RenderError, match="namespace tools has no Secret airflow-ui-creds"),
    ):
        render(helm, kubeconfig=kubeconfig)
