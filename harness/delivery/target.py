"""Where DAGs go, and what a delivery did there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from harness import labels
from harness.delivery import origin as origins
from harness.delivery.origin import UNKNOWN, Origin
from harness.delivery.pack import Package
from harness.errors import HarnessError, UsageError, Verb
from harness.tools import Json
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError

FIELD_MANAGER = "harness-dags"
DIGEST_ANNOTATION = "harness.dev/digest"
VERSION_KEY = "version"  # of a pointer
KEYS_SHOWN = 3

# `drift`: somebody else changed what the harness had delivered.
Likeness = Literal["same", "differs", "absent", "drift"]
# Hears the version that is there, empty for none, and where it comes from; what it raises ends the write.
Precondition = Callable[[str, Origin], object]


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
    kubernetes: Kubernetes,
    target: Target,
    *,
    digest: str,
    data: Mapping[str, str],
    origin: Origin = UNKNOWN,
    over: Json | None = None,
) -> None:
    """Make the target's ConfigMap hold exactly this data, and note its digest, by which drift is seen, and its origin.

    `over` is what is there as far as the caller knows; raises HarnessError when it has changed since.

    Forced: the fields of another manager are taken over, which `find_config_map` has refused unless that is wanted.
    """
    metadata: Json = {
        "name": target.config_map,
        "namespace": target.namespace,
        "labels": labels.kubernetes_labels(target.environment),
        "annotations": {DIGEST_ANNOTATION: digest} | {key: text for key, text in origins.note(origin).items() if text},
    }
    if over:
        metadata["resourceVersion"] = over["metadata"]["resourceVersion"]
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}
    try:
        kubernetes.apply(manifest, field_manager=FIELD_MANAGER, force=True)
    except KubernetesError as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
        there = _annotations(find_config_map(kubernetes, target)).get(DIGEST_ANNOTATION, "none")
        raise HarnessError(
            f"another sync was faster: the cluster has version {there} now, and not this one",
            next_step=(Verb("dags diff", "compares it with the folder"), Verb("dags sync", "delivers over it")),
        ) from None


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


def origin_of(config_map: Json | None) -> Origin:
    """Return where what a ConfigMap names or holds comes from."""
    return origins.parse(_annotations(config_map))


def drift_of(config_map: Json) -> str:
    """Return what somebody else changed in a ConfigMap, pointer or plain files, or an empty string."""
    data: Mapping[str, str] = config_map.get("data") or {}
    digest = _annotations(config_map).get(DIGEST_ANNOTATION)
    if digest is None:
        return f"no sync has written it; it holds {', '.join(sorted(data)[:KEYS_SHOWN]) or 'nothing'}"
    if set(data) == {VERSION_KEY}:
        named = data[VERSION_KEY]
        return "" if named == digest else f"it names version {named}, the last sync was {digest}"
    return "" if files_of(config_map).version == digest else "its files are not those of the last sync"


def _annotations(config_map: Json | None) -> Mapping[str, str]:
    return (config_map or {"metadata": {}})["metadata"].get("annotations") or {}
