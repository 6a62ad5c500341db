"""The address of this pod, as Airflow names it: `[core] hostname_callable`. A pod's name does not resolve."""

from __future__ import annotations

import socket


def find_addresses() -> list[str]:
    """Return the addresses of this pod, as they stand in a URL: one of IPv6 in brackets."""
    found = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    return [f"[{address[0]}]" if family == socket.AF_INET6 else str(address[0]) for family, *_, address in found]


def get_host_address() -> str:
    """Return the first of these addresses. Airflow's own function knows IPv4 alone."""
    return find_addresses()[0]
