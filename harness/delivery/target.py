"""Where DAGs go, and what a delivery did there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness import labels
from harness.delivery.pack import Package
from harness.errors import UsageError, Verb
from harness.tools import Json
from harness.tools.k8s import Kubernetes

FIELD_MANAGER = "harness-dags"
DIGEST_ANNOTATION = "harness.dev/digest"
VERSION_KEY = "version"  # of a pointer
KEYS_SHOWN = 3

# `drift`: somebody else changed what the harness had delivered.
Likeness = Literal["same", "differs", "absent", "drift"]


@dataclass(frozen=True)
class Target:
    """A ConfigMap, and the DAG bundle that the chart makes of it.

    With `is_versioned` the ConfigMap is a pointer to a version, else it holds the files themselves. `readers` selects
    the pods of the dag-processor.
    """

    namespace: str
    config_map: str
    bundle: str
    environment: str
    is_versioned: bool = False
    readers: str = "app.kubernetes.io/component=dag-processor"


@dataclass(frozen=True)
class Change:
    """What a delivery did to the files in the cluster."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    written_bytes: int = 0

    @property
    def paths(self) -> frozenset[str]:
        """Return all paths that are not as they were."""
        return frozenset((*self.added, *self.changed, *self.removed))

    @property
    def is_empty(self) -> bool:
        """Return whether the cluster had the very files already."""
        return not self.paths


class DriftError(UsageError):
    """What is in the cluster is not what the harness put there, so it is not overwritten unasked."""

    def __init__(self, target: Target, what: str) -> None:
        super().__init__(
            f"ConfigMap {target.config_map} in {target.namespace} was changed by somebody else: {what}",
            next_step=(Verb("dags diff", "shows it"), Verb("dags sync --force", "overwrites it")),
        )


def find_config_map(kubernetes: Kubernetes, target: Target, *, refuse_drift: bool = False) -> Json | None:
    """Return the target's ConfigMap; with `refuse_drift` raises DriftError when somebody else changed it."""
    found = kubernetes.get("ConfigMap", target.config_map, target.namespace)
    if found and refuse_drift and (drift := drift_of(found)):
        raise DriftError(target, drift)
    return found


def write_config_map(
    kubernetes: Kubernetes, target: Target, *, digest: str, data: Mapping[str, str], over: Json | None = None
) -> None:
    """Make the target's ConfigMap hold exactly this data, and note its digest, by which drift is seen.

    `over` is what is there as far as the caller knows: when it has changed since, KubernetesError with status 409.

    Forced: the fields of another manager are taken over, which `find_config_map` has refused unless that is wanted.
    """
    metadata: Json = {
        "name": target.config_map,
        "namespace": target.namespace,
        "labels": labels.kubernetes_labels(target.environment),
        "annotations": {DIGEST_ANNOTATION: digest},
    }
    if over:
        metadata["resourceVersion"] = over["metadata"]["resourceVersion"]
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}
    kubernetes.apply(manifest, field_manager=FIELD_MANAGER, force=True)


def difference(before: Mapping[str, str], after: Mapping[str, str], written_bytes: int = 0) -> Change:
    """Compare the digests of the files before and after a delivery."""
    return Change(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(path for path in after.keys() & before.keys() if after[path] != before[path])),
        removed=tuple(sorted(before.keys() - after.keys())),
        written_bytes=written_bytes,
    )


def files_of(config_map: Json | None) -> Package:
    """Return the files that a ConfigMap holds as its keys."""
    data: Mapping[str, str] = (config_map or {}).get("data") or {}
    return Package({key: text.encode() for key, text in sorted(data.items())})


def drift_of(config_map: Json) -> str:
    """Return what somebody else changed in a ConfigMap, pointer or plain files, or an empty string."""
    data: Mapping[str, str] = config_map.get("data") or {}
    digest = (config_map["metadata"].get("annotations") or {}).get(DIGEST_ANNOTATION)
    if digest is None:
        return f"no sync has written it; it holds {', '.join(sorted(data)[:KEYS_SHOWN]) or 'nothing'}"
    if set(data) == {VERSION_KEY}:
        named = data[VERSION_KEY]
        return "" if named == digest else f"it names version {named}, the last sync was {digest}"
    return "" if files_of(config_map).version == digest else "its files are not those of the last sync"
