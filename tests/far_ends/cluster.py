"""The far ends on the cluster: a partner with a Registry and a folder of files, and a warehouse.

They run in Airflow's namespace, from the images that are there, and their addresses are keys of `airflow-variables`.
"""

import base64
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import AirflowEnv
from harness.nodes import control_plane
from harness.tools.kind import KUBECTL
from harness.waiting import NotYet, wait_until

FIELD_MANAGER = "harness-e2e-jobs"
LABELS = {"app.kubernetes.io/part-of": FIELD_MANAGER}
FILES = "shared-files"  # the claim that the jobs mount
PARTNER, WAREHOUSE = "e2e-partner", "e2e-warehouse"
SCRIPT = Path(__file__).parent / "registry.py"
READY_S = 120.0
STATE = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/state').read().decode())"


@dataclass(frozen=True)
class FarEnds:
    """Makes the far ends, looks at them from their own side, and removes them."""

    env: AirflowEnv
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    password: str = field(default_factory=lambda: secrets.token_hex(16))

    def start(self) -> None:
        """Make all, and wait until both answer; refuses to touch a volume that is not ours."""
        claim = self.env.kubernetes.get("PersistentVolumeClaim", FILES, self.env.namespace)
        assert claim is None or LABELS.items() <= claim["metadata"].get("labels", {}).items(), (
            f"the claim {FILES} is there and somebody uses it: test in another environment (`harness --name NAME test`)"
        )
        for manifest in self._manifests():
            self._apply(manifest)
        self._own_variables(
            {
                "FILES_URL": "file:///mnt/files",
                "REGISTRY_URL": f"http://{PARTNER}:8080",
                "REGISTRY_TOKEN": self.token,
                "AIRFLOW_CONN_WAREHOUSE": f"postgresql://postgres:{self.password}@{WAREHOUSE}:5432/postgres",
            }
        )
        for name in (PARTNER, WAREHOUSE):
            wait_until(f"Deployment {name}", lambda name=name: self._is_ready(name), timeout_s=READY_S)  # type: ignore[misc]
        self.exec(PARTNER, "mkdir", "-p", "/mnt/files/incoming", "/mnt/files/accepted")

    def remove(self) -> None:
        """Remove all; the volume's data goes with its claim."""
        self._own_variables({})
        for manifest in self._manifests():
            self.env.kubernetes.delete(manifest["kind"], manifest["metadata"]["name"], self.env.namespace)

    def exec(self, deployment: str, *command: str, stdin: str | None = None) -> str:
        """Run a command in a far end's pod, or in one of Airflow's Deployments, and return what it printed."""
        settings = self.env.settings
        words = [
            *KUBECTL,
            "--namespace",
            settings.namespace,
            "exec",
            *(["-i"] if stdin else []),
            f"deploy/{deployment}",
        ]
        return self.env.environment.parts.docker.exec(control_plane(settings), *words, "--", *command, stdin=stdin)

    def write_file(self, path: str, text: str) -> None:
        """Put a file on the volume, as the partner would: under another name first."""
        self.exec(
            PARTNER,
            "sh",
            "-c",
            f"cat > /mnt/files/{path}.part && mv /mnt/files/{path}.part /mnt/files/{path}",
            stdin=text,
        )

    def read_files(self, folder: str) -> dict[str, str]:
        """Return name -> sha256 of the files in a folder of the volume."""
        printed = self.exec(PARTNER, "sh", "-c", f"cd /mnt/files/{folder} && find . -type f -exec sha256sum {{}} +")
        return {name.removeprefix("./"): digest for digest, name in map(str.split, printed.splitlines())}

    def registry_state(self) -> dict[str, Any]:
        """Return what the Registry knows: its exports, and the requests that came."""
        state: dict[str, Any] = json.loads(self.exec(PARTNER, "python", "-c", STATE))
        return state

    def query(self, sql: str) -> list[str]:
        """Return the rows of a query in the warehouse, values separated by `|`."""
        return self.exec(
            WAREHOUSE, "psql", "--username=postgres", "--no-align", "--tuples-only", stdin=sql
        ).splitlines()

    def _is_ready(self, name: str) -> bool | NotYet:
        deployment = self.env.kubernetes.get("Deployment", name, self.env.namespace) or {}
        return bool(deployment.get("status", {}).get("readyReplicas")) or NotYet("no ready pod")

    def _apply(self, manifest: dict[str, Any]) -> None:
        metadata = {"namespace": self.env.namespace, "labels": LABELS, **manifest["metadata"]}
        self.env.kubernetes.apply({**manifest, "metadata": metadata}, field_manager=FIELD_MANAGER)

    def _own_variables(self, values: dict[str, str]) -> None:
        """Make these the keys that are ours in the Secret `airflow-variables`; a key of somebody else is a conflict."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        metadata = {"name": "airflow-variables", "namespace": self.env.namespace}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        self.env.kubernetes.apply(manifest, field_manager=FIELD_MANAGER)

    def _manifests(self) -> list[dict[str, Any]]:
        images = self.env.environment.parts.images
        partner = {
            "name": "registry",
            "image": images.airflow,
            "command": ["python", "/scripts/registry.py"],
            "env": [_from_secret("REGISTRY_TOKEN", "token")],
            "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1},
            "volumeMounts": [
                {"name": "files", "mountPath": "/mnt/files"},
                {"name": "scripts", "mountPath": "/scripts"},
            ],
        }
        warehouse = {
            "name": "postgresql",
            "image": images.postgresql,
            "env": [_from_secret("POSTGRES_PASSWORD", "password"), {"name": "PGDATA", "value": "/data/pgdata"}],
            "readinessProbe": {"exec": {"command": ["pg_isready", "-h", "127.0.0.1"]}, "periodSeconds": 1},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }
        volumes = {
            PARTNER: [
                {"name": "files", "persistentVolumeClaim": {"claimName": FILES}},
                {"name": "scripts", "configMap": {"name": PARTNER}},
            ],
            WAREHOUSE: [{"name": "data", "emptyDir": {}}],
        }
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}}
        keys = {"token": self.token, "password": self.password}
        return [
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": PARTNER}, "stringData": keys},
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": PARTNER},
                "data": {SCRIPT.name: SCRIPT.read_text()},
            },
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": FILES}, "spec": claim},
            _service(PARTNER, 8080),
            _service(WAREHOUSE, 5432),
            _deployment(PARTNER, partner, volumes[PARTNER], user=50000, group=0),
            _deployment(WAREHOUSE, warehouse, volumes[WAREHOUSE], user=999, group=999),
        ]


def _from_secret(name: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": PARTNER, "key": key}}}


def _service(name: str, port: int) -> dict[str, Any]:
    spec = {"selector": {"app.kubernetes.io/name": name}, "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _deployment(name: str, container: dict[str, Any], volumes: list[Any], *, user: int, group: int) -> dict[str, Any]:
    """Return a Deployment of one small pod that meets the Pod Security Standard `restricted`."""
    labels = {"app.kubernetes.io/name": name}
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            "fsGroup": group,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                **container,
                "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
        "volumes": volumes,
    }
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
