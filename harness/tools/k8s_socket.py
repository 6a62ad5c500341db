"""The web socket of a port-forward: the official client's, but for a deadline, which that one does not have."""

import ssl
from collections.abc import Mapping
from typing import Any, Protocol

HTTP_PORT = 80


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


def open_websocket(configuration: Any, url: str, headers: Mapping[str, str], *, timeout_s: float) -> WebSocket:
    """Return a web socket that the server has agreed to; each of its answers until then takes `timeout_s` at most.

    `configuration` is the official client's. Messages may then be as far apart as they like. Raises what
    websocket-client raises, and OSError.
    """
    import websocket  # it comes with the official client
    from kubernetes.stream import ws_client  # type: ignore[import-untyped]  # it ships no types

    options: dict[str, Any] = {"header": [f"{name}: {value}" for name, value in headers.items()]}
    if configuration.proxy:
        options = ws_client.websocket_proxycare(options, configuration, url, headers)
        options["http_proxy_port"] = options["http_proxy_port"] or HTTP_PORT
    socket = websocket.WebSocket(sslopt=_tls(configuration))
    socket.connect(url, timeout=timeout_s, **options)  # type: ignore[no-untyped-call]  # it says no types
    socket.settimeout(None)
    return socket


def _tls(configuration: Any) -> dict[str, Any]:
    is_checked = configuration.verify_ssl
    options = {
        "cert_reqs": ssl.CERT_REQUIRED if is_checked else ssl.CERT_NONE,
        "ca_certs": configuration.ssl_ca_cert if is_checked else None,
        "check_hostname": configuration.assert_hostname if is_checked else None,
        "certfile": configuration.cert_file,
        "keyfile": configuration.key_file,
        "server_hostname": configuration.tls_server_name,
    }
    return {key: value for key, value in options.items() if value is not None}
