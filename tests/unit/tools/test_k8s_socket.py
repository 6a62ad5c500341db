"""The way to an API server: by the cluster's proxy, and with a deadline for a web socket."""

import base64
import hashlib
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from harness.tools import k8s_connection
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError

from .test_k8s import make_certificate, write_kubeconfig

HEARD: list[tuple[str, str, str]] = []
# RFC 6455, section 1.3
WEB_SOCKET_ID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Proxy(BaseHTTPRequestHandler):
    """Answers each request for the cluster itself, and refuses tunnels."""

    def _hear(self) -> None:
        HEARD.append((self.command, self.path.partition("?")[0], self.headers.get("Proxy-Authorization", "")))

    def do_GET(self) -> None:
        self._hear()
        body = json.dumps({"metadata": {"resourceVersion": "1"}, "items": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        self._hear()
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        pass


class Agreeing(BaseHTTPRequestHandler):
    """Agrees to a web socket, and says nothing more."""

    def do_GET(self) -> None:
        key = self.headers["Sec-WebSocket-Key"].encode()
        accepted = base64.b64encode(hashlib.sha1(key + WEB_SOCKET_ID, usedforsecurity=False).digest()).decode()
        self.send_response(101)
        for header in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accepted)):
            self.send_header(*header)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    HEARD.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def open_kubernetes(file: Path, url: str, **cluster: str) -> Kubernetes:
    config = json.loads(write_kubeconfig(file, url, {}).read_text())
    config["clusters"][0]["cluster"].update(cluster)
    file.write_text(json.dumps(config))
    return Kubernetes(file, "one")


@pytest.mark.parametrize("login", ["", "ada:p%40ss@"])
def test_cluster_s_own_proxy_leads_to_api_and_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "*,cluster.test")
    sent = f"Basic {base64.b64encode(b'ada:p@ss').decode()}" if login else ""
    with serve(Proxy) as port:
        proxy = f"http://{login}127.0.0.1:{port}"
        kubernetes = open_kubernetes(tmp_path / "k", "http://cluster.test", **{"proxy-url": proxy})
        assert kubernetes.list("Pod", "tools") == []
        with pytest.raises(KubernetesError, match="403"):
            kubernetes.open_port("api", "tools", 8080)
    api, tunnel = HEARD
    assert api == ("GET", "http://cluster.test/api/v1/namespaces/tools/pods", sent)
    assert tunnel == ("CONNECT", "cluster.test:80", sent)


def test_server_that_accepts_and_says_nothing_has_a_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k8s_connection, "READ_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kubernetes = open_kubernetes(tmp_path / "k", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(KubernetesError, match=r"portforward: no answer: .*timed out"):
            kubernetes.open_port("api", "tools", 8080)


@pytest.mark.processes
def test_web_socket_shows_and_checks_certificates(tmp_path: Path) -> None:
    pair = make_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair)
    tls.load_verify_locations(pair)
    tls.verify_mode = ssl.CERT_REQUIRED
    data = base64.b64encode(pair.read_bytes()).decode()
    user = {"client-certificate-data": data, "client-key-data": data}

    def connect(name: str, authority: str) -> None:
        file = write_kubeconfig(tmp_path / "k", f"https://{name}:{port}", user, authority=authority)
        Kubernetes(file, "one").open_port("api", "tools", 8080).shutdown()

    with serve(Agreeing, tls) as port:
        connect("127.0.0.1", pair.read_text())
        for name, authority in (("localhost", pair.read_text()), ("127.0.0.1", "")):
            with pytest.raises(KubernetesError, match="CERTIFICATE_VERIFY_FAILED"):
                connect(name, authority)


def test_messages_may_be_as_far_apart_as_they_like(tmp_path: Path) -> None:
    with serve(Agreeing) as port:
        kubernetes = open_kubernetes(tmp_path / "k", f"http://127.0.0.1:{port}")
        line: Any = kubernetes.open_port("api", "tools", 8080)
        assert line.sock.gettimeout() is None
        line.shutdown()
