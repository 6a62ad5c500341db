"""The Kubernetes client: what it asks for, and what it makes of the answers."""

import base64
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import urllib3

from harness.errors import UsageError
from harness.tools.k8s import Kubernetes, event_time
from harness.tools.k8s_connection import KubernetesError, connect

from ..fakes.kubernetes import FakeApiServer, Response, worker_pod


@pytest.mark.parametrize(
    ("kind", "namespace", "path"),
    [
        ("Pod", "tools", "/api/v1/namespaces/tools/pods/x"),
        ("Namespace", "", "/api/v1/namespaces/x"),
        ("Deployment", "tools", "/apis/apps/v1/namespaces/tools/deployments/x"),
        ("Job", "tools", "/apis/batch/v1/namespaces/tools/jobs/x"),
        ("StorageClass", "tools", "/apis/storage.k8s.io/v1/storageclasses/x"),
    ],
)
def test_get_asks_for_the_kind_s_own_path(
    kubernetes: Kubernetes, server: FakeApiServer, kind: str, namespace: str, path: str
) -> None:
    assert kubernetes.get(kind, "x", namespace) is None
    assert server.requests[0].path == path


def test_unknown_kind_is_named(kubernetes: Kubernetes) -> None:
    with pytest.raises(ValueError, match="Gateway"):
        kubernetes.get("Gateway", "x")


@pytest.mark.parametrize(("status", "is_away"), [(0, True), (503, True), (403, False), (404, False)])
def test_only_what_may_be_answered_later_is_away(status: int, is_away: bool) -> None:
    assert KubernetesError("GET /api", status, "").is_away is is_away


def test_list_adds_what_items_of_a_list_lack(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    server.put("pods", worker_pod("a"))
    server.put("pods", {"metadata": {"name": "b", "namespace": "tools", "labels": {}}})
    (pod,) = kubernetes.list("Pod", "tools", label_selector="kubernetes_executor=True")
    assert (pod["apiVersion"], pod["kind"], pod["metadata"]["name"]) == ("v1", "Pod", "a")


def test_apply_is_server_side_and_strict(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "tools"}, "data": {}}
    assert kubernetes.apply(manifest)["metadata"]["uid"]
    request = server.requests[0]
    assert (request.method, request.content_type) == ("PATCH", "application/apply-patch+yaml")
    assert request.query == {"fieldManager": "harness", "force": "false", "fieldValidation": "Strict"}
    assert request.body == manifest


def test_apply_over_another_manager_is_a_conflict_unless_forced(kubernetes: Kubernetes) -> None:
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "tools"}}
    kubernetes.apply(manifest, field_manager="somebody")
    with pytest.raises(KubernetesError, match=r"409 Conflict: conflict with .somebody") as caught:
        kubernetes.apply(manifest)
    assert (caught.value.status, caught.value.reason) == (409, "Conflict")
    kubernetes.apply(manifest, force=True)


def test_annotations_are_set_and_removed(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    server.put("pods", worker_pod("a"))
    pod = kubernetes.patch_annotations("Pod", "a", "tools", {"mark": "1", "run_id": None})
    assert pod["metadata"]["annotations"] == {"mark": "1", "dag_id": "example", "task_id": "work", "try_number": "1"}


def test_delete_tells_whether_it_was_there(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    server.put("pods", worker_pod("a"))
    with pytest.raises(KubernetesError, match="UID"):
        kubernetes.delete("Pod", "a", "tools", uid="another")
    assert kubernetes.delete("Pod", "a", "tools", uid="uid-of-a", grace_period_s=0)
    body = server.requests[-1].body
    assert body == {"propagationPolicy": "Background", "gracePeriodSeconds": 0, "preconditions": {"uid": "uid-of-a"}}
    assert not kubernetes.delete("Pod", "a", "tools")


def test_pod_log_is_text_also_when_it_is_not_utf8(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    server.refusals = [Response(200, chunks=iter([b"hello \xff"]))]
    assert (
        kubernetes.pod_log("a", "tools", container="base", previous=True, tail_lines=5)
        == "hello \N{REPLACEMENT CHARACTER}"
    )
    assert server.requests[0].query == {"container": "base", "previous": "true", "tailLines": "5"}


def test_watch_yields_whole_events_however_the_chunks_fall(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    _, version = kubernetes.list_at_version("Pod", "tools")
    server.put("pods", worker_pod("a"))
    server.remove("pods", "tools", "a")
    events = list(kubernetes.watch("Pod", "tools", resource_version=version, timeout_s=1))
    assert [event.type for event in events] == ["ADDED", "DELETED"]


def test_watch_from_a_forgotten_version_says_410(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    server.compact()
    with pytest.raises(KubernetesError, match="too old") as caught:
        list(kubernetes.watch("Pod", "tools", resource_version="1", timeout_s=1))
    assert caught.value.status == 410


def test_watch_closes_its_stream_when_the_line_breaks(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    def broken() -> Iterator[bytes]:
        yield b'{"type": '
        raise urllib3.exceptions.ProtocolError("reset")

    response = Response(200, chunks=broken())
    server.refusals = [response]
    with pytest.raises(KubernetesError, match="the line broke") as caught:
        list(kubernetes.watch("Pod", "tools", resource_version="1", timeout_s=1))
    assert caught.value.status == 0
    assert response.is_closed


def test_no_answer_says_what_was_asked_and_what_to_do(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    server.refusals = [urllib3.exceptions.ProtocolError("connection refused")]
    with pytest.raises(
        KubernetesError, match="GET /api/v1/namespaces/tools/pods: no answer: connection refused"
    ) as caught:
        kubernetes.list("Pod", "tools")
    assert "harness status" in caught.value.next_step
    assert caught.value.party == "cluster"


def test_answer_that_is_not_json_is_still_told(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    server.refusals = [Response(503, b"apiserver is starting", "Service Unavailable")]
    with pytest.raises(KubernetesError, match="503 Service Unavailable: apiserver is starting"):
        kubernetes.get("Pod", "a", "tools")


@pytest.mark.parametrize(("status", "party"), [(0, "cluster"), (500, "cluster"), (503, "cluster"), (403, "product")])
def test_refusal_is_the_cluster_s_when_it_lacks_something(status: int, party: str) -> None:
    assert KubernetesError("GET /api/v1/pods", status, "why").party == party


def test_events_come_oldest_first(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    for name, when in (("late", "2026-01-01T00:00:09Z"), ("early", "2026-01-01T00:00:01Z")):
        server.put("events", {"metadata": {"name": name, "namespace": "tools"}, "lastTimestamp": when})
    assert [event["metadata"]["name"] for event in kubernetes.events("tools")] == ["early", "late"]


def test_event_time_prefers_the_last_of_a_series() -> None:
    event = {"metadata": {"creationTimestamp": "1"}, "eventTime": "2", "series": {"lastObservedTime": "3"}}
    assert event_time(event) == "3"
    assert event_time({"metadata": {"creationTimestamp": "1"}}) == "1"


class Answering(BaseHTTPRequestHandler):
    """Answers with the Authorization header that it was sent, as the name of the one object."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.headers["Authorization"] or "nobody"
        body = json.dumps({"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": name}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    """Return where a server of this process answers."""
    with serve() as answering:
        yield answering


@contextmanager
def serve(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as answering:
        if tls:
            answering.socket = tls.wrap_socket(answering.socket, server_side=True)
        thread = Thread(target=answering.serve_forever)
        thread.start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{answering.server_port}"
        answering.shutdown()
        thread.join()


def write_kubeconfig(
    file: Path, url: str, user: dict[str, Any], *, authority: str = "not looked at without TLS"
) -> Path:
    cluster = {"server": url, "certificate-authority-data": base64.b64encode(authority.encode()).decode()}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "clusters": [{"name": "one", "cluster": cluster}],
        "users": [{"name": "one", "user": user}],
    }
    file.write_text(json.dumps(config))
    return file


@pytest.mark.parametrize(
    ("user", "sent"),
    [
        ({"token": "secret-token"}, "Bearer secret-token"),
        ({"tokenFile": "{folder}/token"}, "Bearer kept"),
        ({}, "nobody"),
    ],
)
def test_request_carries_the_kubeconfig_s_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, user: dict[str, str], sent: str
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "other"))
    (tmp_path / "token").write_text("kept\n")
    user = {key: value.format(folder=tmp_path) for key, value in user.items()}
    kubernetes = Kubernetes(write_kubeconfig(tmp_path / "kubeconfig", url, user))
    items, version = kubernetes.list_at_version("Pod", "tools")
    assert ([item["metadata"]["name"] for item in items], version) == ([sent], "7")


def test_connect_uses_the_given_kubeconfig_alone(tmp_path: Path) -> None:
    file = write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:6443", {})
    assert connect(file, "one").host == "http://127.0.0.1:6443"
    with pytest.raises(UsageError, match="has no context `other`; there are: one"):
        connect(file, "other")
    with pytest.raises(UsageError, match="no such file"):
        connect(tmp_path / "missing", "one")
    with pytest.raises(KubernetesError, match="no such file"):
        connect(tmp_path / "missing", None)


@pytest.mark.processes
def test_kind_s_kubeconfig_needs_no_official_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = make_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair)
    tls.load_verify_locations(pair)
    tls.verify_mode = ssl.CERT_REQUIRED
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    data = base64.b64encode(pair.read_bytes()).decode()
    user = {"client-certificate-data": data, "client-key-data": ""}
    with serve(tls) as url:
        file = write_kubeconfig(tmp_path / "kubeconfig", url, user, authority=pair.read_text())
        assert Kubernetes(file).list("Pod", "tools")[0]["metadata"]["name"] == "nobody"


def test_kind_s_kubeconfig_without_certificates_is_told(tmp_path: Path) -> None:
    user = {"client-certificate-data": "", "client-key-data": ""}
    with pytest.raises(KubernetesError, match=r"kubeconfig .*: its certificates: "):
        connect(write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1", user), None)


def make_certificate(folder: Path) -> Path:
    """Return a file with a key and its certificate, which is an authority, a server's and a client's at once."""
    file = folder / "pair.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*words.split(), "-keyout", folder / "key", "-out", file], check=True, capture_output=True)
    file.write_text((folder / "key").read_text() + file.read_text())
    return file


@pytest.mark.processes
def test_exec_plugin_gives_the_token_or_says_why_not(tmp_path: Path, url: str) -> None:
    status = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "fresh"}}
    for script, code in ((f"echo '{json.dumps(status)}'", 0), ("echo session expired >&2; exit 3", 3)):
        plugin: Any = {"apiVersion": status["apiVersion"], "command": "/bin/sh", "args": ["-c", script]}
        file = write_kubeconfig(tmp_path / "kubeconfig", url, {"exec": plugin})
        if code == 0:
            (pod,) = Kubernetes(file, "one").list("Pod", "tools")
            assert pod["metadata"]["name"] == "Bearer fresh"
        else:
            with pytest.raises(UsageError, match=r"context `one` gives no credentials: .* 3. session expired"):
                Kubernetes(file, "one")
