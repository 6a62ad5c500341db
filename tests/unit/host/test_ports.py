"""Ports: real ones of this machine's own address."""

import os
import socket
from collections.abc import Iterator

import psutil
import pytest

from harness.errors import UsageError
from harness.host import ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_taken_port_names_its_owner_and_another_port(taken: int) -> None:
    with pytest.raises(UsageError, match=rf"port {taken} on 127.0.0.1 is taken by .*\(pid {os.getpid()}\)") as caught:
        ports.check_free(taken)
    assert f"HARNESS_PORT={taken + 1}" in caught.value.next_step


def test_port_that_was_given_back_is_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert not ports.is_free(port)
    ports.check_free(port)


def test_owner_that_may_not_be_seen_is_left_out(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refuse)
    with pytest.raises(UsageError) as caught:
        ports.check_free(taken)
    assert str(caught.value) == f"port {taken} on 127.0.0.1 is taken"


def test_nobody_owns_a_free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "net_connections", lambda _: [])
    assert ports.owner_of(1) == ""
