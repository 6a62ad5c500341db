"""The linters find nothing that is not explained here, and the reference of the values is current."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import OVERLAYS, Tools
from .generated import Keep, between
from .pod_security import CONTROLS
from .render import CHART, HELM_DIR, STABLE, Rendering, render

REFERENCE = HELM_DIR.parent / "docs/reference"
CHECKS, VALUES = REFERENCE / "chart-checks.md", REFERENCE / "chart-values.md"

# kube-score's check, and why what it finds is right here. CPU limits are not asked for: they throttle a burst that
# finds idle cores, and what a pod is sure of is its request.
EXPLAINED = {
    "container-ephemeral-storage-request-and-limit": "a limit evicts the task that writes much; `resources` take one",
    "container-image-pull-policy": "tags and digests are immutable, and a registry that is away must not stop a task",
    "container-security-context-user-group-id": "50000:0 and 999:999 are the official images' users, who own the files",
    "deployment-has-host-podantiaffinity": "topologySpreadConstraints keep copies apart, over nodes and over zones",
    "deployment-replicas": "the metrics' counters are in the memory of the one exporter",
    "deployment-strategy": "two exporters at a time would have half of the counters each",
    "pod-probes": "a database that is slow under load must not be killed for it",
    "statefulset-has-servicename": "the one PostgreSQL has a Service with an address that survives it",
}
NOTHING_FOUND = 10  # the best of kube-score's grades; what it remarks beside is no finding


def run(*command: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], input=stdin, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda name: name or "default")
def test_helm_lints_it_strictly(helm: Path, overlay: str) -> None:
    values = ["--values", str(HELM_DIR / "values" / f"{overlay}.yaml")] if overlay else []
    done = run(helm, "lint", "--strict", CHART, *values)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def everything(helm: Path) -> Rendering:
    """Render a chart with all that it can have."""
    options = (
        *("networkPolicies.enabled=true", "cleanup.enabled=true", "metrics.enabled=true"),
        *("ingress.enabled=true", "ingress.host=airflow.example.com"),
    )
    return render(helm, "ha", (*STABLE, *options))


@pytest.fixture(scope="session")
def findings(everything: Rendering, tools: Tools) -> dict[str, set[str]]:
    """Return what kube-score finds in that chart: check by check, the objects."""
    pod = everything.worker_pod()
    worker = {**pod, "metadata": {**pod["metadata"], "namespace": "tools"}}
    text = yaml.safe_dump_all([*everything.objects, worker])
    done = run(tools.kube_score, "score", "--ignore-container-cpu-limit", "--output-format", "json", "-", stdin=text)
    found: dict[str, set[str]] = {}
    scored: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(scored) > len(everything.pods())
    for one in scored:
        for check in one["checks"]:
            if not check["skipped"] and check["grade"] < NOTHING_FOUND:
                found.setdefault(check["check"]["id"], set()).add(one["object_name"])
    return found


def test_kube_score_finds_nothing_unexplained(findings: dict[str, set[str]]) -> None:
    assert {check: objects for check, objects in findings.items() if check not in EXPLAINED} == {}


def test_every_explanation_is_needed(findings: dict[str, set[str]]) -> None:
    assert set(EXPLAINED) - set(findings) == set()


def test_the_table_of_findings_is_current(findings: dict[str, set[str]], everything: Rendering, keep: Keep) -> None:
    def where(objects: set[str]) -> str:
        names = {name.rpartition("/")[2] for name in objects}
        others = {pod_name(everything, component) for component in everything.pods()} - names
        if len(others) > 1:
            return listed(names)
        return f"every pod but {listed(others)}" if others else "every pod"

    rows = [(f"`{check}`", where(findings[check]), EXPLAINED[check]) for check in sorted(EXPLAINED)]
    keep(CHECKS, between(CHECKS.read_text(), "findings", table("kube-score finds", "in", "why it stands", rows=rows)))


def pod_name(rendering: Rendering, component: str) -> str:
    """Return the name that kube-score knows a component's pod by: that of what makes it."""
    return str(rendering.setup_job()["metadata"]["name"]) if component == "setup" else f"airflow-{component}"


def listed(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def test_the_table_of_pod_security_is_current(everything: Rendering, keep: Keep) -> None:
    pods = list(everything.pods().values())
    assert {control.name: control.refused(pods) for control in CONTROLS} == {one.name: set() for one in CONTROLS}
    rows = [(one.name, one.asked, one.had(pods)) for one in CONTROLS]
    keep(
        CHECKS,
        between(CHECKS.read_text(), "pod security", table("control", "`restricted` asks for", "pods have", rows=rows)),
    )


def test_a_pod_that_keeps_to_nothing_breaks_every_control() -> None:
    context = {"privileged": True, "runAsUser": 0, "sysctls": []}
    container = {"name": "main", "ports": [{"hostPort": 80}], "securityContext": context}
    pod = {"spec": {"hostPID": True, "containers": [container], "volumes": [{"name": "a", "hostPath": {}}]}}
    assert [control.name for control in CONTROLS if not control.refused([pod])] == []


def table(*heads: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))


def test_the_reference_of_the_values_is_current(tools: Tools, keep: Keep) -> None:
    words = (
        "--dry-run",
        "--sort-values-order",
        "file",
        "--template-files",
        "values.md.gotmpl",
        "--log-level",
        "warning",
    )
    done = run(tools.helm_docs, "--chart-search-root", CHART, *words)
    assert done.returncode == 0, done.stderr
    keep(VALUES, between(VALUES.read_text(), "values", done.stdout))
