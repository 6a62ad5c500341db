"""Puts a package into its ConfigMap, outside the Helm release: no pod is restarted and no release is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness import labels
from harness.delivery.pack import Package
from harness.tools.k8s import Json, Kubernetes

FIELD_MANAGER = "harness-dags"
DIGEST_ANNOTATION = "harness.dev/digest"
TOUCH_ANNOTATION = "harness.dev/dags-touched"
DAG_PROCESSOR_SELECTOR = "app.kubernetes.io/component=dag-processor"

Likeness = Literal["same", "differs", "absent"]


@dataclass(frozen=True)
class Target:
    """Where a package goes: a ConfigMap, and the DAG bundle that the chart mounts it for."""

    namespace: str
    config_map: str
    bundle: str
    environment: str


@dataclass(frozen=True)
class Change:
    """What a sync did to the ConfigMap's files; `before` is what was there."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    before: Mapping[str, str]

    @property
    def is_empty(self) -> bool:
        """Return whether the ConfigMap held the package already."""
        return not (self.added or self.changed or self.removed)


def sync(kubernetes: Kubernetes, package: Package, target: Target) -> Change:
    """Make the ConfigMap hold exactly the package, by server-side apply, and return what changed.

    Writes nothing when it holds the package already. Raises KubernetesError.
    """
    change = _difference(_files(kubernetes, target), package)
    if change.is_empty and kubernetes.get("ConfigMap", target.config_map, target.namespace):
        return change
    # force: what the folder says wins over an edit that was made in the cluster.
    kubernetes.apply(_manifest(package, target), field_manager=FIELD_MANAGER, force=True)
    return change


def compare(kubernetes: Kubernetes, package: Package, target: Target) -> Likeness:
    """Return whether the ConfigMap holds the package."""
    if kubernetes.get("ConfigMap", target.config_map, target.namespace) is None:
        return "absent"
    return "same" if _difference(_files(kubernetes, target), package).is_empty else "differs"


def delete(kubernetes: Kubernetes, target: Target) -> bool:
    """Delete the ConfigMap and return whether it was there; `touch` makes its files go at once."""
    return kubernetes.delete("ConfigMap", target.config_map, target.namespace)


def touch(kubernetes: Kubernetes, target: Target, mark: str) -> int:
    """Set an annotation to `mark` on each dag-processor pod and return how many there are.

    The kubelet looks at a pod's volumes when the pod changes, else only every 60 to 90 s.
    """
    pods = kubernetes.list("Pod", target.namespace, label_selector=DAG_PROCESSOR_SELECTOR)
    for pod in pods:
        name = pod["metadata"]["name"]
        kubernetes.patch_annotations("Pod", name, target.namespace, {TOUCH_ANNOTATION: mark})
    return len(pods)


def _files(kubernetes: Kubernetes, target: Target) -> Mapping[str, str]:
    config_map = kubernetes.get("ConfigMap", target.config_map, target.namespace) or {}
    return config_map.get("data") or {}


def _difference(before: Mapping[str, str], package: Package) -> Change:
    after = package.files
    return Change(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(key for key in after.keys() & before.keys() if after[key] != before[key])),
        removed=tuple(sorted(before.keys() - after.keys())),
        before=before,
    )


def _manifest(package: Package, target: Target) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": target.config_map,
            "namespace": target.namespace,
            "labels": labels.kubernetes_labels(target.environment),
            "annotations": {DIGEST_ANNOTATION: package.digest},
        },
        "data": dict(package.files),
    }
