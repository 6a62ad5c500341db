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
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from harness.errors import Advice, HarnessError, UsageError, Verb
from harness.redact import redact
from harness.tools import Json
from harness.tools.k8s_socket import WebSocket, open_websocket
from harness.tools.kubeconfig import NEXT_STEP, Kubeconfig, read_file, read_kubeconfig

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
            return open_websocket(self.configuration, url, headers, timeout_s=READ_TIMEOUT_S)
        except websocket.WebSocketBadStatusException as error:
            message = (error.resp_body or b"").decode("utf-8", "replace")
            raise KubernetesError(f"GET {path}", error.status_code, "no port-forward", message[:300]) from None
        except (websocket.WebSocketException, OSError) as error:
            raise KubernetesError(f"GET {path}", 0, "no answer", str(error)) from None


def connect(kubeconfig: Path, context: str | None) -> Connection:
    """Read `kubeconfig` and return the connection that it describes; without a context it is one of the harness's own.

    With a context `kubeconfig` may be several files, joined as in `KUBECONFIG`. Raises UsageError for a file that
    cannot be read, and for a context that is not there, or whose credentials cannot be had.
    """
    asked = f"kubeconfig {kubeconfig}"
    if context:
        merged = read_kubeconfig(kubeconfig)
        if not merged.documents:
            raise UsageError(f"{asked}: no such file", next_step=f"set `kubeconfig` to the file of context `{context}`")
        _check_context(merged, asked, context)
        return _connect_by_client(merged.files, context, asked, proxy=merged.proxy_of(context))
    document = read_file(kubeconfig)
    if document is None:
        raise KubernetesError(asked, 0, "no such file")
    return _connect_to_kind(document, asked) or _connect_by_client(str(kubeconfig), None, asked)


def _check_context(merged: Kubeconfig, asked: str, wanted: str) -> None:
    if wanted not in merged.contexts:
        raise UsageError(
            f"{asked} has no context `{wanted}`; there are: {', '.join(merged.contexts) or 'none'}",
            next_step="correct `context`, or `kubeconfig`, of the environment in pyproject.toml",
        )


def _connect_to_kind(document: Json, asked: str) -> Connection | None:
    """Return the connection of a kubeconfig that is exactly as kind writes it; None for any other.

    The official client, which reads all others, loads some 900 modules: most of the time that a command starts.
    """
    import urllib3

    match document:
        case {
            "contexts": [_],
            "clusters": [{"cluster": {"server": str(host), "certificate-authority-data": authority, **other}}],
            "users": [{"user": {"client-certificate-data": certificate, "client-key-data": key, **rest}}],
        } if not other and not rest:
            try:
                tls = ssl.create_default_context(cadata=b64decode(authority).decode())
                with tempfile.NamedTemporaryFile() as file:  # readable for us alone; ssl takes a key by file only
                    file.write(b64decode(certificate) + b64decode(key))
                    file.flush()
                    tls.load_cert_chain(file.name)
            except (ValueError, ssl.SSLError) as error:
                raise KubernetesError(asked, 0, f"its certificates: {error}") from None
            return Connection(host, urllib3.PoolManager(maxsize=POOL, ssl_context=tls))
    return None


def _connect_by_client(files: str, context: str | None, asked: str, *, proxy: str = "") -> Connection:
    from kubernetes import client, config  # type: ignore[import-untyped]  # it ships no types

    configuration = client.Configuration()
    try:
        with _collect_errors() as errors:
            config.load_kube_config(files, context=context, client_configuration=configuration, persist_config=False)
    except config.ConfigException as error:
        raise KubernetesError(asked, 0, str(error)) from None
    except (OSError, ValueError) as error:  # a file that it names, or what it holds in base64
        raise UsageError(redact(f"{asked}: {error}"), next_step=NEXT_STEP) from None
    if errors:
        what = f"{asked}: context `{context}` gives no credentials: {'; '.join(errors)}"
        raise UsageError(redact(what), next_step=LOG_IN)
    if not context:
        # A kind cluster is on this machine: a proxy of the environment is never the way to it.
        configuration.proxy = None
    _set_proxy(configuration, proxy)

    def credentials() -> dict[str, str]:
        # Asked for each request, for it renews what expires; a token file ends with a newline.
        return {found["key"]: found["value"].strip() for found in configuration.auth_settings().values()}

    pool = client.ApiClient(configuration).rest_client.pool_manager
    return Connection(configuration.host, pool, credentials, configuration)


def _set_proxy(configuration: Any, proxy: str) -> None:
    """Use the cluster's own proxy, of which the official client knows nothing, and the login in a proxy's URL."""
    import urllib3

    if proxy:
        configuration.proxy = proxy
        # No host is reached without it: a list of none, for an empty text is looked up in the environment.
        configuration.no_proxy = ","
    login = urlsplit(configuration.proxy or "").netloc.rpartition("@")[0]
    if login:
        configuration.proxy_headers = urllib3.make_headers(proxy_basic_auth=unquote(login))


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
