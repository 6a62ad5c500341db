"""One request to the Kubernetes API, with the credentials of a kubeconfig."""

import json
import logging
import ssl
import tempfile
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from harness.errors import Advice, HarnessError, UsageError, Verb
from harness.redact import redact
from harness.tools import Json

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
POOL = 20  # connections that are kept; the recorder and the watches hold several at a time
JSON_TYPE = "application/json"
LOG_IN = "log in to the cluster anew, as `kubectl` would need it"
NEXT_STEPS: dict[int, Advice] = {
    0: Verb("status", "tells whether the cluster runs"),
    HTTPStatus.UNAUTHORIZED: LOG_IN,
    HTTPStatus.FORBIDDEN: "use an account that may do this",
}


class KubernetesError(HarnessError):
    """The Kubernetes API refused a request or did not answer.

    `status` is the HTTP status, 0 when there was no answer; `reason` is Kubernetes' own word, such as `Conflict`.
    """

    def __init__(self, asked: str, status: int, reason: str, message: str = "") -> None:
        answer = f"{status} {reason}".strip() if status else reason
        what = f"Kubernetes API, {asked}: {answer}"
        super().__init__(redact(f"{what}: {message}" if message else what), next_step=NEXT_STEPS.get(status, ()))
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


class WebSocket(Protocol):
    """What is used of websocket-client's socket."""

    def recv_data(self) -> tuple[int, bytes]:
        """Return opcode and content of the next message."""
        ...

    def send_binary(self, payload: bytes) -> int:
        """Send one message."""
        ...

    def abort(self) -> None:
        """Let nothing in or out any more; whoever waits for a message gets an error."""
        ...

    def shutdown(self) -> None:
        """Close it, without a word to the other end."""
        ...


@dataclass(frozen=True)
class Connection:
    """Where an API server answers, a connection pool, and what returns the headers that authenticate a request.

    `configuration` is the official client's, where that has made the connection.
    """

    host: str
    pool: Any
    credentials: Callable[[], Mapping[str, str]] = dict
    configuration: Any = None

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

    def open_socket(self, path: str, query: Mapping[str, str]) -> WebSocket:
        """Return a web socket by which a pod's port is forwarded; raises KubernetesError."""
        import websocket  # it comes with the official client
        from kubernetes.stream import ws_client  # type: ignore[import-untyped]  # it ships no types

        headers = {"sec-websocket-protocol": "v4.channel.k8s.io", **self.credentials()}
        url = ws_client.get_websocket_url(f"{self.host}{path}", list(query.items()))
        try:
            made: WebSocket = ws_client.create_websocket(self.configuration, url, headers)
        except websocket.WebSocketBadStatusException as error:
            message = (error.resp_body or b"").decode("utf-8", "replace")
            raise KubernetesError(f"GET {path}", error.status_code, "no port-forward", message[:300]) from None
        except (websocket.WebSocketException, OSError) as error:
            raise KubernetesError(f"GET {path}", 0, "no answer", str(error)) from None
        return made


def connect(kubeconfig: Path, context: str | None) -> Connection:
    """Read `kubeconfig` and return the connection that it describes; without a context it is one of the harness's own.

    Raises UsageError for a context that is not there, or whose credentials cannot be had.
    """
    asked = f"kubeconfig {kubeconfig}"
    if not kubeconfig.is_file():
        if context:
            raise UsageError(f"{asked}: no such file", next_step=f"set `kubeconfig` to the file of context `{context}`")
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
        if context:
            _check_context(kubeconfig, asked, context)
        with _collect_errors() as errors:
            config.load_kube_config(
                str(kubeconfig), context=context, client_configuration=configuration, persist_config=False
            )
    except config.ConfigException as error:
        raise KubernetesError(asked, 0, str(error)) from None
    if errors:
        what = f"{asked}: context `{context}` gives no credentials: {'; '.join(errors)}"
        raise UsageError(redact(what), next_step=LOG_IN)
    if not context:
        # A kind cluster is on this machine: a proxy of the environment is never the way to it.
        configuration.proxy = None

    def credentials() -> dict[str, str]:
        # Asked for each request, for it renews what expires; a token file ends with a newline.
        return {found["key"]: found["value"].strip() for found in configuration.auth_settings().values()}

    pool = client.ApiClient(configuration).rest_client.pool_manager
    return Connection(configuration.host, pool, credentials, configuration)


def _check_context(kubeconfig: Path, asked: str, wanted: str) -> None:
    import yaml

    document = yaml.safe_load(kubeconfig.read_text())
    contexts = document.get("contexts") if isinstance(document, dict) else None
    names = [str(context.get("name")) for context in contexts or ()]
    if wanted not in names:
        raise UsageError(
            f"{asked} has no context `{wanted}`; there are: {', '.join(names) or 'none'}",
            next_step="correct `context`, or `kubeconfig`, of the environment in pyproject.toml",
        )


@contextmanager
def _collect_errors() -> Iterator[list[str]]:
    """Collect what the official client only logs: that an exec plugin failed, for one."""
    errors: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: errors.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield errors
    finally:
        root.removeHandler(handler)
