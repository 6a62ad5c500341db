"""Leads a port of 127.0.0.1 to a pod, through the Kubernetes API: each connection by a web socket of its own.

So a connection finds a pod that is ready now, whatever became of the one before, and nothing is left at the end.
"""

import contextlib
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread

from harness.errors import HarnessError
from harness.tools.k8s import Kubernetes, is_ready
from harness.tools.k8s_connection import KubernetesError
from harness.tools.k8s_socket import WebSocket

LOGGER = logging.getLogger(__name__)
CHUNK_BYTES = 65536
# The channels of Kubernetes' `v4.channel.k8s.io` for one port; each begins with a message that holds the port.
DATA, ERROR = 0, 1
BINARY = 2


@dataclass(frozen=True)
class Pods:
    """The pods that answer at a port."""

    kubernetes: Kubernetes
    namespace: str
    selector: str
    port: int

    def open(self) -> WebSocket:
        """Return a web socket that leads to one that is ready; raises KubernetesError."""
        pods = self.kubernetes.list("Pod", self.namespace, label_selector=self.selector)
        ready = [pod["metadata"]["name"] for pod in pods if is_ready(pod)]
        if not ready:
            raise KubernetesError(
                f"port-forward to {self.selector} in {self.namespace}", 0, f"none of {len(pods)} pods is ready"
            )
        return self.kubernetes.open_port(ready[-1], self.namespace, self.port)


class PortForward:
    """A port of 127.0.0.1, open until `close` or the end of the process; `url` leads to it.

    Raises KubernetesError at once when nothing can be reached; later a connection that leads nowhere is closed.
    """

    def __init__(self, open_line: Callable[[], WebSocket]) -> None:
        self._open_line = open_line
        open_line().shutdown()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        Thread(target=self._accept, daemon=True, name=f"port-forward {self.url}").start()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits for a connection
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                line = self._open_line()
            except HarnessError as error:
                LOGGER.info("no port-forward: %s", error)
                return
            Thread(target=_send, args=(connection, line), daemon=True).start()
            _receive(line, connection)


def _send(connection: socket.socket, line: WebSocket) -> None:
    """Bring what the client says to the pod, until one of them ends."""
    with contextlib.suppress(Exception):  # whichever end it was, the other one is told below
        while chunk := connection.recv(CHUNK_BYTES):
            line.send_binary(bytes([DATA]) + chunk)
    with contextlib.suppress(Exception):
        line.abort()  # wakes who waits for a message


def _receive(line: WebSocket, connection: socket.socket) -> None:
    """Bring what the pod says to the client, until one of them ends."""
    begun = set()
    with contextlib.suppress(Exception):  # as above
        while True:
            opcode, message = line.recv_data()
            if opcode != BINARY:
                break
            channel, content = message[0], message[1:]
            if channel not in begun:
                begun.add(channel)
            elif channel == DATA:
                connection.sendall(content)
            else:
                LOGGER.info("port-forward: %s", content.decode("utf-8", "replace"))
                break
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    line.shutdown()
