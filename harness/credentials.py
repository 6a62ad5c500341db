"""The two hand-managed Secrets: made when they are missing, checked when they are there, never changed."""

import json
import os
import secrets
from base64 import b64decode
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import labels
from harness.errors import UsageError
from harness.redact import remember_secrets
from harness.settings import Settings
from harness.tools.k8s import Kubernetes

PASSWORD_BYTES = 18


@dataclass(frozen=True)
class Credentials:
    """How to log in to the UI and API."""

    username: str
    password: str
    email: str


def credentials_file(settings: Settings) -> Path:
    """Return the file, of mode 0600, that keeps what the harness made up, and whether `status` has shown it."""
    return settings.folder / "credentials.json"


def has_secrets(kubernetes: Kubernetes, settings: Settings) -> bool:
    """Tell whether both Secrets are there; raises UsageError when the login lacks a key."""
    names = (settings.login_secret, settings.variables_secret)
    if any(kubernetes.get("Secret", name, settings.namespace) is None for name in names):
        return False
    read_credentials(kubernetes, settings)
    return True


def ensure_secrets(kubernetes: Kubernetes, settings: Settings) -> Credentials:
    """Make the Secrets that are missing and return the login.

    Raises UsageError that names namespace, Secret and key, never a value, when one that is there lacks a key.
    """
    present = kubernetes.get("Secret", settings.login_secret, settings.namespace)
    if present is None:
        made = Credentials("admin", secrets.token_urlsafe(PASSWORD_BYTES), "admin@example.org")
        _save(settings, made, shown=False)
        keyed = {settings.login_keys[name]: value for name, value in asdict(made).items()}
        _apply(kubernetes, settings, settings.login_secret, keyed)
    if kubernetes.get("Secret", settings.variables_secret, settings.namespace) is None:
        greeting = {"GREETING": f"hello from {settings.variables_secret}"}
        _apply(kubernetes, settings, settings.variables_secret, greeting)
    return read_credentials(kubernetes, settings)


def read_credentials(kubernetes: Kubernetes, settings: Settings) -> Credentials:
    """Return the login that the cluster holds, whoever made it; its password is masked in all output from now on.

    Raises UsageError when the Secret or one of its keys is missing.
    """
    where = f"Secret {settings.namespace}/{settings.login_secret}"
    present = kubernetes.get("Secret", settings.login_secret, settings.namespace)
    if present is None:
        raise UsageError(f"{where} is not there", next_step=f"harness --name {settings.name} up")
    data = {key: b64decode(value).decode() for key, value in (present.get("data") or {}).items()}
    keys = settings.login_keys
    missing = [key for key in keys.values() if not data.get(key)]
    if missing:
        raise UsageError(
            f"{where} has no key {', '.join(missing)}; it needs {', '.join(keys.values())}",
            next_step=f"add it, or delete the Secret and let `harness up` make one: "
            f"harness kubectl -- -n {settings.namespace} delete secret {settings.login_secret}",
        )
    login = Credentials(**{name: data[key] for name, key in keys.items()})
    remember_secrets([login.password])
    return login


def read_variables(kubernetes: Kubernetes, settings: Settings) -> dict[str, str] | None:
    """Return the environment that tasks have from the Secret, or None when it is not there."""
    present = kubernetes.get("Secret", settings.variables_secret, settings.namespace)
    if present is None:
        return None
    return {key: b64decode(value).decode("utf-8", "replace") for key, value in (present.get("data") or {}).items()}


def login_version(kubernetes: Kubernetes, settings: Settings) -> str:
    """Return the resource version of the Secret with the UI's login: it changes with each edit and tells no value."""
    present = kubernetes.get("Secret", settings.login_secret, settings.namespace)
    return present["metadata"]["resourceVersion"] if present else ""


def password_to_show(settings: Settings) -> str | None:
    """Return the made-up password the first time that it is asked for, and None from then on."""
    try:
        kept = json.loads(credentials_file(settings).read_text())
    except FileNotFoundError:
        return None
    if kept.pop("shown"):
        return None
    credentials = Credentials(**kept)
    _save(settings, credentials, shown=True)
    return credentials.password


def _save(settings: Settings, credentials: Credentials, *, shown: bool) -> None:
    path = credentials_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({**asdict(credentials), "shown": shown}, file)


def _apply(kubernetes: Kubernetes, settings: Settings, name: str, data: dict[str, str]) -> None:
    kubernetes.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": settings.namespace,
                "labels": labels.kubernetes_labels(settings.name),
            },
            "stringData": data,
        }
    )
