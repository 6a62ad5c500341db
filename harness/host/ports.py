"""Whether a port on 127.0.0.1 is free, and who has it when it is not."""

import socket

from harness.errors import HostError


def check_free(port: int) -> None:
    """Raise HostError that names the owner, where that can be known, when `port` on 127.0.0.1 is taken."""
    if is_free(port):
        return
    owner = owner_of(port)
    raise HostError(
        f"port {port} on 127.0.0.1 is taken{f' by {owner}' if owner else ''}",
        next_step=f"end what uses it, or choose another: HARNESS_PORT={port + 1} (or `port` in [tool.harness])",
    )


def is_free(port: int) -> bool:
    """Tell whether one could listen on the port now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def owner_of(port: int) -> str:
    """Return `name (pid N)` of the listener, or an empty string when it is not ours to see."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.pid
                and connection.laddr
                and connection.laddr.port == port
            ):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return ""
    return ""
