"""The two Secrets that a person may manage: made when they are missing, checked when they are there, never changed."""

import json
import os
import secrets
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path

from harness import labels
from harness.errors import UsageError, Verb
from harness.redact import remember_secrets, remember_variables
from harness.secret_checks import login_problems, variable_problems
from harness.settings import Settings
from harness.tools import Json
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import Clock

PASSWORD_BYTES = 18
LOGIN = "HARNESS_AIRFLOW_"  # of variables
REFRESH_S = 10.0


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
    """Tell whether both Secrets are there.

    Raises UsageError that names namespace, Secret and key, never a value, when one is broken, or missing although
    `make_secrets` leaves it to a person.
    """
    found = {
        name: kubernetes.get("Secret", name, settings.namespace)
        for name in (settings.login_secret, settings.variables_secret)
    }
    if not settings.make_secrets:
        absent = [name for name, secret in found.items() if secret is None]
        if absent:
            raise UsageError(
                f"namespace {settings.namespace} has no Secret {' and no Secret '.join(absent)}",
                next_step=(
                    "make it, for `make_secrets` is off",
                    Verb(f"{_kubectl(settings)} create secret generic {absent[0]} ..."),
                ),
            )
    login, variables = found.values()
    _refuse(settings, settings.login_secret, login_problems(_data(login), settings.login_keys) if login else ())
    _refuse(settings, settings.variables_secret, variable_problems(_data(variables)))
    return all(found.values())


def check_secrets(kubernetes: Kubernetes, settings: Settings) -> None:
    """Refuse broken Secrets before anything is made; a cluster that does not answer is looked at when it does.

    Raises UsageError as `has_secrets`.
    """
    try:
        if kubernetes.get("Namespace", settings.namespace):
            has_secrets(kubernetes, settings)
    except KubernetesError as error:
        if not error.is_away:
            raise


def ensure_secrets(kubernetes: Kubernetes, settings: Settings) -> Credentials:
    """Make the Secrets that are missing and return the login; raises UsageError as `has_secrets`."""
    has_secrets(kubernetes, settings)
    if kubernetes.get("Secret", settings.login_secret, settings.namespace) is None:
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

    Raises UsageError when the Secret or one of its keys is missing or broken.
    """
    where = f"Secret {settings.namespace}/{settings.login_secret}"
    present = kubernetes.get("Secret", settings.login_secret, settings.namespace)
    if present is None:
        raise UsageError(f"{where} is not there", next_step=Verb("up"))
    data = _data(present)
    _refuse(settings, settings.login_secret, login_problems(data, settings.login_keys))
    login = Credentials(**{name: b64decode(data[key]).decode() for name, key in settings.login_keys.items()})
    remember_secrets([login.password])
    return login


@dataclass(frozen=True)
class Login:
    """How to log in to Airflow's API: by name and password, or by a token of its auth manager."""

    username: str = ""
    password: str = ""
    token: str = ""


def find_login(kubernetes: Kubernetes, settings: Settings) -> Login:
    """Return the login of `HARNESS_AIRFLOW_*`, for a cluster that is there, else that of the Secret.

    Raises UsageError as `read_credentials`, for variables that are half a login, and where the Secret is not ours to
    read.
    """
    if settings.context:
        given = {name: os.environ.get(f"{LOGIN}{name.upper()}", "") for name in ("username", "password", "token")}
        if given["token"] or (given["username"] and given["password"]):
            return Login(**given)
        if given["username"] or given["password"]:
            raise UsageError(f"of {LOGIN}USERNAME and {LOGIN}PASSWORD one is set alone", next_step="set both, or none")
    try:
        credentials = read_credentials(kubernetes, settings)
    except KubernetesError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        raise UsageError(
            f"the account of context `{settings.context}` may not read Secret "
            f"{settings.namespace}/{settings.login_secret}, which holds Airflow's login",
            next_step=f"set {LOGIN}USERNAME and {LOGIN}PASSWORD, or {LOGIN}TOKEN",
        ) from None
    return Login(credentials.username, credentials.password)


def _data(secret: Json | None) -> dict[str, str]:
    return (secret or {}).get("data") or {}


def _refuse(settings: Settings, name: str, problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        correct = Verb(f"{_kubectl(settings)} edit secret {name}", "corrects it")
        anew = Verb(f"{_kubectl(settings)} delete secret {name}", "lets the next `up` make one")
        raise UsageError(
            f"Secret {settings.namespace}/{name} {'; '.join(found)}",
            next_step=(correct, anew) if settings.make_secrets else correct,
        )


def _kubectl(settings: Settings) -> str:
    return f"kubectl -- -n {settings.namespace}"


def read_variables(kubernetes: Kubernetes, settings: Settings) -> dict[str, str] | None:
    """Return the environment that tasks have from the Secret, or None when it is not there.

    Its values are masked in all output from now on.
    """
    present = kubernetes.get("Secret", settings.variables_secret, settings.namespace)
    if present is None:
        return None
    variables = {key: b64decode(value).decode("utf-8", "replace") for key, value in _data(present).items()}
    remember_variables(variables)
    return variables


@dataclass
class KnownVariables:
    """Knows the values of the tasks' Secret, so that no log shows them: call `refresh` before each log is read."""

    kubernetes: Kubernetes
    settings: Settings
    clock: Clock
    _read: float | None = None

    def refresh(self) -> None:
        """Read the Secret if that was not done a moment ago, for a person may change it; raises KubernetesError.

        Who has read it once goes on with that while the API is away, and who may not read it without.
        """
        if self._read is not None and self.clock.now() - self._read < REFRESH_S:
            return
        try:
            read_variables(self.kubernetes, self.settings)
        except KubernetesError as error:
            is_known = error.is_away and self._read is not None
            if not is_known and error.status != HTTPStatus.FORBIDDEN:
                raise
        self._read = self.clock.now()


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
