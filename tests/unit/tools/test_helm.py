"""Helm: its exact commands, and its folders, which are never the user's."""

import json
from pathlib import Path

import pytest
import yaml

from harness.command import CommandError
from harness.tools.helm import Helm, ReleaseStatus

from ..fakes.command import FakeCommands

HELM = Helm(Path("/bin/helm"), Path("/env/kubeconfig"), Path("/cache/helm"))
CHART = Path("/chart")
LIST = ["/bin/helm", "list", "--namespace", "tools", "--filter", "^airflow$", "--output", "json"]
HISTORY = ["/bin/helm", "history", "airflow", "--namespace", "tools", "--max", "1", "--output", "json"]


def test_upgrade_installs_and_gives_values_by_stdin(commands: FakeCommands) -> None:
    words = "upgrade airflow /chart --install --namespace tools --values /a.yaml --values /b.yaml --values -"
    commands.on("/bin/helm", *words.split(), "--description", "inputs 1")
    HELM.upgrade(
        "airflow",
        CHART,
        namespace="tools",
        values_files=[Path("/a.yaml"), Path("/b.yaml")],
        values={"images": {"airflow": {"tag": "1"}}},
        description="inputs 1",
    )
    (call,) = commands.calls
    assert yaml.safe_load(call.stdin) == {"images": {"airflow": {"tag": "1"}}}
    assert call.env["KUBECONFIG"] == "/env/kubeconfig"
    for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"):
        assert call.env[name].startswith("/cache/helm/")


def test_rollback_goes_to_the_revision(commands: FakeCommands) -> None:
    commands.on("/bin/helm", "rollback", "airflow", "3", "--namespace", "tools")
    HELM.rollback("airflow", 3, namespace="tools")
    assert len(commands.calls) == 1


def test_lint_returns_why_the_chart_does_not_render(commands: FakeCommands) -> None:
    words = ["/bin/helm", "template", "check", "/chart", "--namespace", "tools", "--values", "/a.yaml", "--values", "-"]
    commands.on(*words, stdout="kind: Deployment")
    commands.on(*words, returncode=1, stderr="additional properties 'imagse' not allowed\n")
    arguments = {"namespace": "tools", "values_files": [Path("/a.yaml")], "values": {}}
    assert HELM.lint(CHART, **arguments) == ""  # type: ignore[arg-type]
    assert HELM.lint(CHART, **arguments) == "additional properties 'imagse' not allowed"  # type: ignore[arg-type]


def test_template_returns_the_objects_and_raises_helm_s_reason(commands: FakeCommands) -> None:
    words = ["/bin/helm", "template", "airflow", "/chart", "--namespace", "tools", "--values", "/a.yaml"]
    commands.on(*words, "--values", "-", stdout="kind: Deployment")
    commands.on(*words, "--values", "-", returncode=1, stderr="additional properties 'imagse' not allowed\n")
    arguments = {"namespace": "tools", "values_files": [Path("/a.yaml")], "values": {"imagse": {}}}
    assert HELM.template("airflow", CHART, **arguments) == "kind: Deployment"  # type: ignore[arg-type]
    with pytest.raises(CommandError, match="imagse"):
        HELM.template("airflow", CHART, **arguments)  # type: ignore[arg-type]
    assert yaml.safe_load(commands.calls[0].stdin) == {"imagse": {}}


def test_status_is_the_newest_revision_s(commands: FakeCommands) -> None:
    commands.on(*LIST, stdout=json.dumps([{"name": "airflow", "revision": "7", "status": "deployed"}]))
    commands.on(*HISTORY, stdout=json.dumps([{"revision": 7, "status": "deployed", "description": "inputs 1"}]))
    assert HELM.status("airflow", namespace="tools") == ReleaseStatus(7, "deployed", "inputs 1")


def test_no_release(commands: FakeCommands) -> None:
    commands.on(*LIST, stdout="[]\n")
    assert HELM.status("airflow", namespace="tools") is None


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        ("another operation (install/upgrade/rollback) is in progress", "helm rollback"),
        ("pre-upgrade hooks failed: 1 error occurred: job setup failed: BackoffLimitExceeded", "harness logs"),
        ('StatefulSet.apps "airflow-postgresql" is invalid: spec: Forbidden: updates to statefulset spec', "made anew"),
        ('Service "x" is invalid: spec.clusterIP: Invalid value: field is immutable', "made anew"),
        ("Kubernetes cluster unreachable: Get https://127.0.0.1:6443/version", "harness status"),
        ('ServiceAccount "x" exists and cannot be imported: invalid ownership metadata', "choose another `namespace`"),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest"', "change its values"),
    ],
)
def test_reason_of_helm_comes_with_its_next_step(commands: FakeCommands, error: str, cure: str) -> None:
    words = "upgrade airflow /chart --install --namespace tools --values - --description inputs"
    commands.on("/bin/helm", *words.split(), returncode=1, stderr=f"Error: UPGRADE FAILED: {error}\n")
    with pytest.raises(CommandError) as caught:
        HELM.upgrade("airflow", CHART, namespace="tools", values_files=[], values={}, description="inputs")
    assert error in str(caught.value)
    assert cure in caught.value.next_step
