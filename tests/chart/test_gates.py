"""The linters find nothing that is not explained here, and the reference of the values is current."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import OVERLAYS, Tools
from .generated import Keep, between
from .render import CHART, HELM_DIR, STABLE, pod_of, render

DOCS = HELM_DIR.parent / "docs" / "chart.md"

# kube-score's check, and why what it finds is right here. CPU limits are not asked for: they throttle a burst that
# finds idle cores, and what a pod is sure of is its request.
EXPLAINED = {
    "container-ephemeral-storage-request-and-limit": "a limit evicts the task that writes much; `resources` take one",
    "container-image-pull-policy": "tags and digests are immutable, and a registry that is away must not stop a task",
    "container-security-context-user-group-id": "50000:0 and 999:999 are the official images' users, who own the files",
    "deployment-has-host-podantiaffinity": "topologySpreadConstraints keep copies apart, over nodes and over zones",
    "pod-probes": "a database that is slow under load must not be killed for it",
    "statefulset-has-servicename": "the one PostgreSQL has a Service with an address that survives it",
}
NOTHING_FOUND = 10  # the best of kube-score's grades; what it remarks beside is no finding


def run(*command: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], input=stdin, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda name: name or "default")
def test_helm_lints_it_strictly(helm: Path, overlay: str) -> None:
    values = ["--values", HELM_DIR / "values" / f"{overlay}.yaml"] if overlay else []
    done = run(helm, "lint", "--strict", CHART, *values)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def findings(helm: Path, tools: Tools) -> dict[str, set[str]]:
    """Return what kube-score finds in a chart with all that it can have: check by check, the objects."""
    everything = (
        *("networkPolicies.enabled=true", "cleanup.enabled=true"),
        *("ingress.enabled=true", "ingress.host=airflow.example.com"),
    )
    rendering = render(helm, "ha", (*STABLE, *everything))
    pod = rendering.worker_pod()
    worker = {**pod, "metadata": {**pod["metadata"], "namespace": "tools"}}
    text = yaml.safe_dump_all([*rendering.objects, worker])
    done = run(tools.kube_score, "score", "--ignore-container-cpu-limit", "--output-format", "json", "-", stdin=text)
    found: dict[str, set[str]] = {}
    scored: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(scored) > len([one for one in rendering.objects if pod_of(one)])
    for one in scored:
        for check in one["checks"]:
            if not check["skipped"] and check["grade"] < NOTHING_FOUND:
                found.setdefault(check["check"]["id"], set()).add(one["object_name"])
    return found


def test_kube_score_finds_nothing_unexplained(findings: dict[str, set[str]]) -> None:
    assert {check: objects for check, objects in findings.items() if check not in EXPLAINED} == {}


def test_every_explanation_is_needed(findings: dict[str, set[str]]) -> None:
    assert set(EXPLAINED) - set(findings) == set()


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
    keep(DOCS, between(DOCS.read_text(), "values", done.stdout))
