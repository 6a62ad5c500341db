"""The kinds of Kubernetes objects that the harness knows, and their paths in the API."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Kind:
    """A kind's place in the API."""

    api_version: str
    plural: str
    is_namespaced: bool = True

    @property
    def prefix(self) -> str:
        """Return the path of its API group."""
        return f"/api/{self.api_version}" if "/" not in self.api_version else f"/apis/{self.api_version}"


KINDS = {
    "ConfigMap": Kind("v1", "configmaps"),
    "DaemonSet": Kind("apps/v1", "daemonsets"),
    "Deployment": Kind("apps/v1", "deployments"),
    "Event": Kind("v1", "events"),
    "FlowSchema": Kind("flowcontrol.apiserver.k8s.io/v1", "flowschemas", is_namespaced=False),
    "Job": Kind("batch/v1", "jobs"),
    "Namespace": Kind("v1", "namespaces", is_namespaced=False),
    "Node": Kind("v1", "nodes", is_namespaced=False),
    "PersistentVolume": Kind("v1", "persistentvolumes", is_namespaced=False),
    "PersistentVolumeClaim": Kind("v1", "persistentvolumeclaims"),
    "Pod": Kind("v1", "pods"),
    "PriorityClass": Kind("scheduling.k8s.io/v1", "priorityclasses", is_namespaced=False),
    "PriorityLevelConfiguration": Kind(
        "flowcontrol.apiserver.k8s.io/v1", "prioritylevelconfigurations", is_namespaced=False
    ),
    "ReplicaSet": Kind("apps/v1", "replicasets"),
    "ResourceQuota": Kind("v1", "resourcequotas"),
    "Secret": Kind("v1", "secrets"),
    "Service": Kind("v1", "services"),
    "ServiceAccount": Kind("v1", "serviceaccounts"),
    "StatefulSet": Kind("apps/v1", "statefulsets"),
    "StorageClass": Kind("storage.k8s.io/v1", "storageclasses", is_namespaced=False),
}


def path_of(kind: str, namespace: str = "", name: str = "") -> str:
    """Return the path of an object, or of all objects of a kind; of all namespaces when none is given."""
    if kind not in KINDS:
        raise ValueError(f"kind {kind} is not in {__name__}.KINDS: add it there")
    known = KINDS[kind]
    scope = f"/namespaces/{quote(namespace, safe='')}" if known.is_namespaced and namespace else ""
    return f"{known.prefix}{scope}/{known.plural}" + (f"/{quote(name, safe='')}" if name else "")
