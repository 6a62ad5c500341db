"""One request to the Kubernetes API, over the official client's connection and credentials."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from harness.errors import HarnessError, Verb
from harness.redact import redact
from harness.tools import Json

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
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
    """The official client's connection pool, and its configuration, which renews credentials that expire."""

    configuration: Any
    pool: Any

    def send(self, request: Request) -> Any:
        """Send one request and return urllib3's response whatever its status."""
        headers = {"Accept": request.accept, "Content-Type": request.content_type}
        for credential in self.configuration.auth_settings().values():
            headers[credential["key"]] = credential["value"].strip()  # a token file ends with a newline
        query = urlencode({key: value for key, value in request.query.items() if value})
        return self.pool.request(
            request.method,
            f"{self.configuration.host}{request.path}{'?' if query else ''}{query}",
            body=None if request.body is None else json.dumps(request.body),
            headers=headers,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=request.read_timeout_s),
            preload_content=not request.is_stream,
            retries=False,
        )


def connect(kubeconfig: Path, context: str | None) -> Connection:
    """Read `kubeconfig`, never ~/.kube/config, and return the connection that it describes."""
    # The client loads some 900 modules, about 1.5 s: only what talks to a cluster should pay for it.
    from kubernetes import client, config  # type: ignore[import-untyped]  # noqa: PLC0415 - it ships no types

    asked = f"kubeconfig {kubeconfig}"
    if not kubeconfig.is_file():
        raise KubernetesError(asked, 0, "no such file")
    configuration = client.Configuration()
    try:
        config.load_kube_config(
            str(kubeconfig), context=context, client_configuration=configuration, persist_config=False
        )
    except config.ConfigException as error:
        raise KubernetesError(asked, 0, str(error)) from None
    # A kind cluster is on this machine: a proxy of the environment is never the way to it.
    configuration.proxy = None
    return Connection(configuration, client.ApiClient(configuration).rest_client.pool_manager)
