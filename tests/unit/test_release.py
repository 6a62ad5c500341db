"""The release: its inputs, its values, and what must be there before it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from harness.errors import UsageError
from harness.release import Release, ensure_namespace, given_values, has_namespace, wait_until_it_serves
from harness.settings import Settings
from harness.tools.helm import Helm
from harness.tools.k8s import Kubernetes
from harness.waiting import WaitTimeoutError

from .fakes.airflow import FakeAirflow
from .fakes.clock import FakeTime
from .fakes.command import FakeCommands
from .fakes.kubernetes import FakeApiServer
from .samples import IMAGES, settings_of


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = settings_of(tmp_path)
    for path in (made.chart_folder / "Chart.yaml", made.chart_folder / "dags" / "hello.py", *made.values_files):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x: 1\n")
    return made


@pytest.fixture
def release(settings: Settings) -> Release:
    return Release(settings, Helm(Path("helm"), settings.kubeconfig, settings.cache_folder / "helm"), IMAGES)


def test_inputs_change_with_chart_overlay_image_not_with_dags(release: Release, settings: Settings) -> None:
    seen = [release.inputs]
    (settings.chart_folder / "dags" / "hello.py").write_text("changed")
    assert release.inputs == seen[0]
    (settings.chart_folder / "Chart.yaml").write_text("x: 2\n")
    seen.append(release.inputs)
    settings.values_files[0].write_text("x: 3\n")
    seen.append(release.inputs)
    seen.append(replace(release, images=replace(IMAGES, airflow="localhost/harness/airflow:new")).inputs)
    assert len(set(seen)) == 4


def test_inputs_change_with_a_packed_dependency(release: Release, settings: Settings) -> None:
    packed = settings.chart_folder / "charts" / "airflow-1.22.0.tgz"
    packed.parent.mkdir()
    seen = {release.inputs}
    for content in (b"\x1f\x8b\xff", b"\x1f\x8b\xfe"):  # no text in any encoding
        packed.write_bytes(content)
        seen.add(release.inputs)
    assert len(seen) == 3


def test_install_gives_images_and_address(release: Release, settings: Settings, commands: FakeCommands) -> None:
    commands.on(
        *("helm", "upgrade", "airflow", str(settings.chart_folder), "--install", "--namespace", "tools"),
        *("--values", str(settings.values_files[0]), "--values", "-"),
        *("--description", f"harness inputs {release.inputs}"),
    )
    release.install()
    values = yaml.safe_load(commands.calls[0].stdin)
    assert values["images"]["airflow"] == {"repository": "localhost/harness/airflow", "tag": "2"}
    assert values["apiServer"]["baseUrl"] == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("status", "is_same", "expected"),
    [("deployed", True, True), ("deployed", False, False), ("failed", True, False), ("pending-install", True, False)],
)
def test_installed_means_deployed_from_these_inputs(
    release: Release, commands: FakeCommands, status: str, *, is_same: bool, expected: bool
) -> None:
    description = f"harness inputs {release.inputs if is_same else 'old'}"
    commands.on(
        *("helm", "list", "--namespace", "tools", "--filter", "^airflow$", "--output", "json"),
        stdout=json.dumps([{"name": "airflow", "revision": "3", "status": status}]),
    )
    commands.on(
        *("helm", "history", "airflow", "--namespace", "tools", "--max", "1", "--output", "json"),
        stdout=json.dumps([{"revision": 3, "status": status, "description": description}]),
    )
    assert release.is_installed() is expected


def test_chart_without_overlays_is_corrected_in_its_own_values(tmp_path: Path, commands: FakeCommands) -> None:
    settings = settings_of(tmp_path, values=[])
    settings.chart_folder.mkdir(parents=True)
    (settings.chart_folder / "Chart.yaml").touch()
    words = ["helm", "template", "check", str(settings.chart_folder), "--namespace", "tools", "--values", "-"]
    commands.on(*words, returncode=1, stderr="no such value")
    with pytest.raises(UsageError, match="no such value") as caught:
        Release(settings, Helm(Path("helm"), Path("kubeconfig"), tmp_path), IMAGES).check()
    assert str(settings.chart_folder / "values.yaml") in caught.value.next_step


def test_value_with_a_typo_is_a_usage_error_with_helm_s_words(
    release: Release, settings: Settings, commands: FakeCommands
) -> None:
    words = ["helm", "template", "check", str(settings.chart_folder), "--namespace", "tools"]
    commands.on(
        *(*words, "--values", str(settings.values_files[0]), "--values", "-"),
        returncode=1,
        stderr="additional properties 'imagse' not allowed",
    )
    with pytest.raises(UsageError, match="additional properties 'imagse' not allowed") as caught:
        release.check()
    assert str(settings.values_files[0]) in caught.value.next_step


def test_value_for_the_package_s_chart_is_the_project_s(tmp_path: Path, commands: FakeCommands) -> None:
    settings = settings_of(tmp_path, chart=None, values=[Path("more.yaml")])
    more = settings.project / "more.yaml"
    more.touch()
    words = [word for path in (*settings.values_files, "-") for word in ("--values", str(path))]
    chart = str(settings.chart_folder)
    commands.on("helm", "template", "check", chart, "--namespace", "tools", *words, returncode=1, stderr="'imagse'")
    with pytest.raises(UsageError) as caught:
        Release(settings, Helm(Path("helm"), tmp_path, tmp_path), IMAGES).check()
    assert caught.value.next_step.endswith(f", in {more}, [tool.harness.given_values]")


def test_missing_overlay_is_named(release: Release, settings: Settings) -> None:
    settings.values_files[0].unlink()
    with pytest.raises(UsageError, match=r"kind\.yaml is not there"):
        release.check()


def test_namespace_and_log_volume_are_made_and_found(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings
) -> None:
    assert not has_namespace(kubernetes, settings)
    ensure_namespace(kubernetes, settings)
    assert has_namespace(kubernetes, settings)
    for item in server.objects.values():
        assert item["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "harness"
    namespace = server.objects["namespaces", "", "tools"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    claim = server.objects["persistentvolumeclaims", "tools", "harness-logs"]
    assert claim["spec"]["volumeName"] == "harness-logs"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_namespace_of_before_gets_its_pod_security_level(
    kubernetes: Kubernetes, server: FakeApiServer, settings: Settings
) -> None:
    ensure_namespace(kubernetes, settings)
    del server.objects["namespaces", "", "tools"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert not has_namespace(kubernetes, settings)
    ensure_namespace(kubernetes, settings)
    assert has_namespace(kubernetes, settings)


def test_serving_means_healthy_and_a_login_that_works(settings: Settings, time: FakeTime) -> None:
    airflow = FakeAirflow(time)
    health = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}}
    rest = {"dag_processor": {"status": "healthy"}, "triggerer": {"status": "healthy"}}
    airflow.answers["/api/v2/monitor/health"] = {**health, **rest}
    wait_until_it_serves(airflow.client(), settings, str, time.clock)
    airflow.answers["/api/v2/monitor/health"] = {**health, **rest, "scheduler": {"status": "unhealthy"}}
    with pytest.raises(WaitTimeoutError, match="scheduler: unhealthy") as caught:
        wait_until_it_serves(airflow.client(), settings, str, time.clock)
    assert "logs api-server" in caught.value.next_step


def test_wrong_password_is_what_the_wait_ends_with(settings: Settings, time: FakeTime) -> None:
    airflow = FakeAirflow(time)
    names = ("metadatabase", "scheduler", "dag_processor", "triggerer")
    airflow.answers["/api/v2/monitor/health"] = {name: {"status": "healthy"} for name in names}
    with pytest.raises(WaitTimeoutError, match="401: Invalid credentials"):
        wait_until_it_serves(airflow.client(password="wrong"), settings, str, time.clock)  # noqa: S106 - of nothing


def test_another_chart_gets_what_it_asks_for(tmp_path: Path) -> None:
    other = settings_of(tmp_path, given_values={"airflowImage": "{airflow}", "web.url": "{url}/"})
    assert given_values(other, IMAGES) == {
        "airflowImage": "localhost/harness/airflow:2",
        "web": {"url": f"{other.url}/"},
    }


def test_value_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    other = settings_of(tmp_path, given_values={"image": "{redis}"})
    with pytest.raises(UsageError, match=r"given_values: image = '\{redis\}'") as caught:
        given_values(other, IMAGES)
    assert "airflow_repository" in caught.value.next_step
