"""A Kubernetes API that `helm template --dry-run=server` asks: which kinds there are, and the objects it is given."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from .render import NAMESPACE, Object

KINDS = {
    "v1": ("ConfigMap", "Namespace", "Pod", "Secret", "Service", "ServiceAccount"),
    "apps/v1": ("Deployment", "StatefulSet"),
    "batch/v1": ("CronJob", "Job"),
    "networking.k8s.io/v1": ("Ingress", "NetworkPolicy"),
    "policy/v1": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding"),
}
ACCOUNT = {"kind": "ServiceAccount", "metadata": {"name": "default"}}
ANY = {"username": "YWRtaW4=", "password": "cHc=", "email": "YUBiLmM="}
CREDS = {"kind": "Secret", "metadata": {"name": "airflow-ui-creds"}, "data": ANY}
VARIABLES = {"kind": "Secret", "metadata": {"name": "airflow-variables"}, "data": {}}
# What Helm marks its objects with.
OWNED = {"meta.helm.sh/release-name": "tools", "meta.helm.sh/release-namespace": NAMESPACE}
READY = (ACCOUNT, CREDS, VARIABLES)


@contextmanager
def cluster(folder: Path, objects: Iterable[Object] = READY) -> Iterator[Path]:
    """Serve objects of the release's namespace; yields the kubeconfig."""
    answers: dict[str, Object] = {
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group_of(one) for one in KINDS if "/" in one]},
    }
    for version, kinds in KINDS.items():
        resources = [resource_of(kind) for kind in kinds]
        root = "/apis" if "/" in version else "/api"
        answers[f"{root}/{version}"] = {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
    for one in objects:
        place = "" if one["kind"] == "Namespace" else f"/namespaces/{NAMESPACE}"
        answers[f"/api/v1{place}/{plural(one['kind'])}/{one['metadata']['name']}"] = {"apiVersion": "v1", **one}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.get(self.path.partition("?")[0])
            status = HTTPStatus.OK if found else HTTPStatus.NOT_FOUND
            missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
            body = json.dumps(found or missing).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield write_kubeconfig(folder / "kubeconfig", server.server_port)
        finally:
            server.shutdown()


def plural(kind: str) -> str:
    """Return the name of a kind in a path."""
    return f"{kind.lower().removesuffix('y')}{'ies' if kind.endswith('y') else 'es' if kind.endswith('s') else 's'}"


def resource_of(kind: str) -> Object:
    """Return what discovery says of a kind."""
    return {"name": plural(kind), "kind": kind, "namespaced": kind != "Namespace", "verbs": ["get", "list"]}


def group_of(version: str) -> Object:
    """Return what discovery says of a group."""
    group = {"groupVersion": version, "version": version.partition("/")[2]}
    return {"name": version.partition("/")[0], "versions": [group], "preferredVersion": group}


def write_kubeconfig(path: Path, port: int) -> Path:
    """Write a kubeconfig of that server."""
    entry = {"name": "fake"}
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "clusters": [{**entry, "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{**entry, "context": {"cluster": "fake", "user": "fake"}}],
        "users": [{**entry, "user": {}}],
    }
    path.write_text(yaml.safe_dump(kubeconfig))
    return path
