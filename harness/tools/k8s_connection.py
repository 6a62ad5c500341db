"""One request to the Kubernetes API, with the credentials of a kubeconfig."""

import json
import ssl
import tempfile
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from harness.errors import HarnessError, Verb
from harness.redact import redact
from harness.tools import Json

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
POOL = 20  # connections that are kept; the recorder and the watches hold several at a time
JSON_TYPE = "application/json"


class KubernetesError(HarnessError):
    """The Kubernetes API refused a request or did not answer.

    `status` is the HTTP status, 0 when there was no answer; `reason` is Kubernetes' own word, such as `Conflict`.
    """

    def __init__(self, asked: str, status: int, reason: str, message: str = "") -> None:
        answer = f"{status} {reason}".strip() if status else reason
        what = f"Kubernetes API, {asked}: {answer}"
        next_step = () if status else Verb("status", "tells whether the cluster runs")
        super().__init__(
            redact(f"{what}: {message}" if message else what),
            next_step=next_step,
        )
        self.status = status
        self.reason = reason
        if self.is_away:
            self.party = "cluster"

    @property
    def is_away(self) -> bool:
        """Return whether a later try may be answered: there was no answer, or the API server lacks something."""
        return self.status == 0 or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True)
class Request:
    """One HTTP request; a stream is read by the caller as it comes."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None
    content_type: str = JSON_TYPE
    accept: str = "*/*"
    read_timeout_s: float = READ_TIMEOUT_S
    is_stream: bool = False

    @property
    def asked(self) -> str:
        """Return what an error says was asked."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Connection:
    """Where an API server answers, a connection pool, and what returns the headers that authenticate a request."""

    host: str
    pool: Any
    credentials: Callable[[], Mapping[str, str]] = dict

    def send(self, request: Request) -> Any:
        """Send one request and return urllib3's response whatever its status."""
        import urllib3

        headers = {"Accept": request.accept, "Content-Type": request.content_type, **self.credentials()}
        query = urlencode({key: value for key, value in request.query.items() if value})
        return self.pool.request(
            request.method,
            f"{self.host}{request.path}{'?' if query else ''}{query}",
            body=None if request.body is None else json.dumps(request.body),
            headers=headers,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=request.read_timeout_s),
            preload_content=not request.is_stream,
            retries=False,
        )


def connect(kubeconfig: Path, context: str | None) -> Connection:
    """Read `kubeconfig`, never ~/.kube/config, and return the connection that it describes."""
    asked = f"kubeconfig {kubeconfig}"
    if not kubeconfig.is_file():
        raise KubernetesError(asked, 0, "no such file")
    return _connect_to_kind(kubeconfig, context) or _connect_by_client(kubeconfig, context, asked)


def _connect_to_kind(kubeconfig: Path, context: str | None) -> Connection | None:
    """Return the connection of a kubeconfig that is exactly as kind writes it; None for any other.

    The official client, which reads all others, loads some 900 modules: most of the time that a command starts.
    """
    import urllib3
    import yaml

    match yaml.safe_load(kubeconfig.read_text()):
        case {
            "contexts": [_],
            "clusters": [{"cluster": {"server": str(host), "certificate-authority-data": authority, **other}}],
            "users": [{"user": {"client-certificate-data": certificate, "client-key-data": key, **rest}}],
        } if context is None and not other and not rest:
            try:
                tls = ssl.create_default_context(cadata=b64decode(authority).decode())
                with tempfile.NamedTemporaryFile() as file:  # readable for us alone; ssl takes a key by file only
                    file.write(b64decode(certificate) + b64decode(key))
                    file.flush()
                    tls.load_cert_chain(file.name)
            except (ValueError, ssl.SSLError) as error:
                raise KubernetesError(f"kubeconfig {kubeconfig}", 0, f"its certificates: {error}") from None
            return Connection(host, urllib3.PoolManager(maxsize=POOL, ssl_context=tls))
    return None


def _connect_by_client(kubeconfig: Path, context: str | None, asked: str) -> Connection:
    from kubernetes import client, config  # type: ignore[import-untyped]  # it ships no types

    configuration = client.Configuration()
    try:
        config.load_kube_config(
            str(kubeconfig), context=context, client_configuration=configuration, persist_config=False
        )
    except config.ConfigException as error:
        raise KubernetesError(asked, 0, str(error)) from None
    # A kind cluster is on this machine: a proxy of the environment is never the way to it.
    configuration.proxy = None

    def credentials() -> dict[str, str]:
        # Asked for each request, for it renews what expires; a token file ends with a newline.
        return {found["key"]: found["value"].strip() for found in configuration.auth_settings().values()}

    return Connection(configuration.host, client.ApiClient(configuration).rest_client.pool_manager, credentials)
