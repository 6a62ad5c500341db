"""The throttled account: requests that are refused are counted, and afterwards nothing holds the place."""

from typing import Any

import pytest

from harness.command import CommandError
from harness.faults.throttle import NAME, REFUSED, throttle_account
from harness.waiting import WaitTimeoutError

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer


class Node:
    """A node whose API server counts what it refuses."""

    def __init__(self, server: FakeApiServer, *, is_deaf: bool = False) -> None:
        self.server, self.is_deaf, self.refused = server, is_deaf, 3
        self.asked: list[tuple[str, ...]] = []
        self.ended = 0

    def exec(self, node: str, *command: str) -> str:
        assert node == "node-1"
        if command[-1] == "/metrics":
            labels = f'flow_schema="{NAME}",priority_level="{NAME}",reason="concurrency-limit"'
            return f'{REFUSED}{{flow_schema="other"}} 9\n{REFUSED}{{{labels}}} {self.refused}\n'
        assert command == ("pkill", "--full", NAME)
        self.ended = len(self.asked)
        raise CommandError(command, "ended with 1")

    def exec_aside(self, node: str, *command: str) -> None:
        assert node == "node-1"
        assert "--as=system:serviceaccount:tools:it" in command
        assert ("flowschemas", "", NAME) in self.server.objects
        self.asked.append(command)
        self.refused += 1 if len(self.asked) > 1 and not self.is_deaf else 0


def throttled(node: Node, kubernetes: Any) -> Any:
    docker: Any = node
    names = {"namespace": "tools", "account": "it", "environment": "dev"}
    return throttle_account(docker, "node-1", kubernetes, **names, clock=FakeTime().clock)


def test_account_is_refused_in_the_block_alone(server: FakeApiServer, kubernetes: Any) -> None:
    node = Node(server)
    with throttled(node, kubernetes) as proof:
        assert "3 requests of it" in proof
        assert len(server.objects) == 2
        assert {node.ended} == {0}
    assert not server.objects
    assert node.ended == 4


def test_account_that_is_served_is_no_fault(server: FakeApiServer, kubernetes: Any) -> None:
    with pytest.raises(WaitTimeoutError, match="0 so far"), throttled(Node(server, is_deaf=True), kubernetes):
        pytest.fail("the block must not run")
    assert not server.objects
