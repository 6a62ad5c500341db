"""The port-forward: each connection has a line of its own, to a pod that is ready at that time."""

import socket
from collections.abc import Callable
from queue import Queue

import pytest

from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError
from harness.tools.port_forward import Pods, PortForward

from ..fakes.kubernetes import FakeApiServer

END = None
PORT = (8080).to_bytes(2, "little")


class FakeLine:
    """The web socket of one port: a message with the port begins each channel, and what was sent comes back."""

    def __init__(self, *, error: bytes = b"") -> None:
        self.said: Queue[bytes | None] = Queue()
        self.heard: Queue[bytes | None] = Queue()
        for message in (b"\x00" + PORT, b"\x01" + PORT, *([b"\x01" + error] if error else [])):
            self.said.put(message)

    def recv_data(self) -> tuple[int, bytes]:
        """Return the next message; raises at the end, as websocket-client does."""
        message = self.said.get(timeout=5)
        if message is END:
            raise OSError("closed")
        return 2, message

    def send_binary(self, payload: bytes) -> int:
        """Echo it."""
        self.said.put(payload)
        return len(payload)

    def abort(self) -> None:
        """Wake who waits."""
        self.said.put(END)

    def shutdown(self) -> None:
        """Note it."""
        self.heard.put(END)


def connect(forward: PortForward) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(forward.url.rpartition(":")[2])), timeout=5)


def receive_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(100), b""))


@pytest.fixture
def forward_to() -> Callable[..., PortForward]:
    def make(*lines: FakeLine | KubernetesError) -> PortForward:
        left = [FakeLine(), *lines]

        def open_line() -> FakeLine:
            line = left.pop(0)
            if isinstance(line, KubernetesError):
                raise line
            return line

        return PortForward(open_line)

    return make


def test_bytes_go_both_ways_and_the_line_ends_with_its_client(forward_to: Callable[..., PortForward]) -> None:
    line = FakeLine()
    forward = forward_to(line)
    with connect(forward) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(100) == b"GET / HTTP/1.1\r\n\r\n"
    assert line.heard.get(timeout=5) is END
    forward.close()


def test_connection_after_one_that_broke_has_a_new_line(forward_to: Callable[..., PortForward]) -> None:
    forward = forward_to(FakeLine(error=b"lost connection to pod"), KubernetesError("pods", 0, "none"), FakeLine())
    for _ in range(2):
        with connect(forward) as client:
            assert receive_all(client) == b""
    with connect(forward) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
    forward.close()


def test_nothing_answers_once_it_is_closed(forward_to: Callable[..., PortForward]) -> None:
    forward = forward_to()
    assert forward.url.startswith("http://127.0.0.1:")
    forward.close()
    with pytest.raises(ConnectionRefusedError):
        connect(forward)


def test_what_cannot_be_reached_is_said_at_once() -> None:
    def refuse() -> FakeLine:
        raise KubernetesError("GET /portforward", 403, "Forbidden")

    with pytest.raises(KubernetesError, match="403"):
        PortForward(refuse)


def test_line_leads_to_a_pod_that_is_ready(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    pods = Pods(kubernetes, "tools", "app=api", 8080)
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    server.put("pods", {"metadata": {"name": "starts", "namespace": "tools", "labels": {"app": "api"}}, "status": {}})
    with pytest.raises(KubernetesError, match=r"port-forward to app=api in tools: none of 1 pods is ready"):
        pods.open()
    for name, labels in (("api-1", {"app": "api"}), ("other", {"app": "web"})):
        server.put("pods", {"metadata": {"name": name, "namespace": "tools", "labels": labels}, "status": ready})
    asked: list[object] = []
    server.open_socket = lambda *words: asked.append(words)
    pods.open()
    assert asked == [("/api/v1/namespaces/tools/pods/api-1/portforward", {"ports": "8080"})]
