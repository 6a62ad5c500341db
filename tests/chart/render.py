"""Render the chart with the real helm, once for each set of values."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

HELM_DIR = Path(__file__).parents[2] / "helm"
CHART = HELM_DIR / "tools"
NAMESPACE = "tools"

# A rendering without a cluster invents keys; with this it is the same every time.
STABLE = ("secrets.internal.existingSecret=airflow-keys",)


class RenderError(Exception):
    """Helm refused; the message is what it printed."""


class Rendering:
    """The objects of one `helm template`, by kind and name."""

    def __init__(self, objects: list[Object]) -> None:
        """Take what helm printed, parsed."""
        self.objects = objects

    def __getitem__(self, key: str) -> Object:
        """Return the object called `Kind/name`."""
        found = [one for one in self.objects if key_of(one) == key]
        assert len(found) == 1, f"{len(found)} objects are called {key}"
        return found[0]

    def names(self) -> list[str]:
        """Return `Kind/name` of every object, sorted."""
        return sorted(key_of(one) for one in self.objects)

    def of_kind(self, kind: str) -> list[Object]:
        """Return the objects of a kind."""
        return [one for one in self.objects if one["kind"] == kind]

    def setup_job(self) -> Object:
        """Return the one Job, whose name ends in a hash."""
        (job,) = self.of_kind("Job")
        return job

    def worker_pod(self, template: str = "pod_template") -> Object:
        """Return the pod that the executor makes workers of."""
        text = self["ConfigMap/airflow-pod-template"]["data"][f"{template}.yaml"]
        pod: Object = yaml.safe_load(text)
        return pod

    def pods(self) -> dict[str, Object]:
        """Return the pod template (metadata and spec) of every component, workers included."""
        templates = {"worker": self.worker_pod()}
        for one in self.objects:
            template = pod_of(one)
            if template:
                templates[template["metadata"]["labels"]["app.kubernetes.io/component"]] = template
        return templates


def pod_of(one: Object) -> Object | None:
    """Return the pod that an object is or makes, if it does."""
    spec = one.get("spec", {})
    pods: dict[str, Object | None] = {
        "Pod": one,
        "CronJob": spec.get("jobTemplate", {}).get("spec", {}).get("template"),
    }
    found: Object | None = pods.get(one["kind"], spec.get("template"))
    return found


def key_of(one: Object) -> str:
    """Return `Kind/name`."""
    return f"{one['kind']}/{one['metadata']['name']}"


@cache
def render(helm: Path, overlay: str = "", sets: tuple[str, ...] = (), kubeconfig: Path | None = None) -> Rendering:
    """Render the chart with an overlay of helm/values and `--set-json` or `--set` assignments."""
    return Rendering([one for one in yaml.safe_load_all(text_of(helm, overlay, sets, kubeconfig)) if one])


def text_of(helm: Path, overlay: str = "", sets: tuple[str, ...] = (), kubeconfig: Path | None = None) -> str:
    """Return what helm prints, without a cluster or with one that it asks."""
    command = [str(helm), "template", "tools", str(CHART), "--namespace", NAMESPACE]
    if overlay:
        command += ["--values", str(HELM_DIR / "values" / f"{overlay}.yaml")]
    for assignment in sets:
        command += ["--set-json" if "={" in assignment or "=[" in assignment else "--set", assignment]
    if kubeconfig:
        command += ["--dry-run=server", "--disable-openapi-validation", "--kubeconfig", str(kubeconfig)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RenderError(done.stderr)
    return done.stdout


def containers(pod: Object) -> list[Object]:
    """Return all containers of a pod, the init containers too."""
    spec = pod["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def secret_keys(container: Object) -> set[str]:
    """Return `secret/key` of what a container's variables come from; `secret/*` for a whole Secret."""
    keys = set()
    for variable in container.get("env", []):
        if ref := variable.get("valueFrom", {}).get("secretKeyRef"):
            keys.add(f"{ref['name']}/{ref['key']}")
    for source in container.get("envFrom", []):
        if ref := source.get("secretRef"):
            keys.add(f"{ref['name']}/*")
    return keys


def mounted_secrets(pod: Object, container: Object) -> set[str]:
    """Return the Secrets that a container reads as files."""
    volumes = {one["name"]: one["secret"]["secretName"] for one in pod["spec"].get("volumes", []) if "secret" in one}
    return {volumes[one["name"]] for one in container.get("volumeMounts", []) if one["name"] in volumes}
