"""The frozen API server: it does not answer in the block, and goes on after it whatever happens."""

from typing import Any

import pytest

from harness.command import CommandError
from harness.faults.kube_api import ASK, REFUSED, THROTTLE, account_throttled, api_frozen
from harness.faults.ledger import FaultError
from harness.tools.docker import Docker
from harness.waiting import WaitTimeoutError

from ..fakes.clock import FakeTime
from ..fakes.command import FakeCommands
from ..fakes.kubernetes import FakeApiServer

EXEC = ("docker", "exec", "node-1")
STOP = [*EXEC, "pkill", "-STOP", "--exact", "kube-apiserver"]
GO_ON = [*EXEC, "pkill", "-CONT", "--exact", "kube-apiserver"]


def prepare(commands: FakeCommands, *, is_stopped: bool) -> None:
    commands.on(*STOP)
    commands.on(*EXEC, *ASK, returncode=int(is_stopped), stderr="request canceled" if is_stopped else "")
    commands.on(*GO_ON)


def test_server_does_not_answer_and_goes_on_after_an_error(commands: FakeCommands, kubernetes: Any) -> None:
    prepare(commands, is_stopped=True)
    with pytest.raises(RuntimeError):
        fail_in_the_block(commands, kubernetes)
    assert commands.argvs == [STOP, [*EXEC, *ASK], GO_ON]


def fail_in_the_block(commands: FakeCommands, kubernetes: Any) -> None:
    with api_frozen(Docker("docker"), "node-1", kubernetes, clock=FakeTime().clock) as proof:
        assert "request canceled" in proof
        assert GO_ON not in commands.argvs
        raise RuntimeError


def test_server_that_answers_is_no_fault(commands: FakeCommands, kubernetes: Any) -> None:
    prepare(commands, is_stopped=False)
    with (
        pytest.raises(FaultError, match="answers although"),
        api_frozen(Docker("docker"), "node-1", kubernetes, clock=FakeTime().clock),
    ):
        pytest.fail("the block must not run")
    assert commands.argvs[-1] == GO_ON


class Node:
    """A node whose API server counts what it refuses."""

    def __init__(self, server: FakeApiServer, *, is_deaf: bool = False) -> None:
        self.server, self.is_deaf, self.refused = server, is_deaf, 3

    def exec(self, node: str, *command: str) -> str:
        assert node == "node-1"
        if command[-1] == "/metrics":
            labels = f'flow_schema="{THROTTLE}",priority_level="{THROTTLE}",reason="concurrency-limit"'
            return f'{REFUSED}{{flow_schema="other"}} 9\n{REFUSED}{{{labels}}} {self.refused}\n'
        assert "--as=system:serviceaccount:tools:it" in command
        assert ("flowschemas", "", THROTTLE) in self.server.objects
        self.refused += 0 if self.is_deaf else 2
        raise CommandError(command, "no end after 2 s")


def throttled(node: Node, kubernetes: Any) -> Any:
    docker: Any = node
    names = {"namespace": "tools", "account": "it", "environment": "dev"}
    return account_throttled(docker, "node-1", kubernetes, **names, clock=FakeTime().clock)


def test_account_is_refused_in_the_block_alone(server: FakeApiServer, kubernetes: Any) -> None:
    with throttled(Node(server), kubernetes) as proof:
        assert "2 requests of it" in proof
        assert len(server.objects) == 2
    assert not server.objects


def test_account_that_is_served_is_no_fault(server: FakeApiServer, kubernetes: Any) -> None:
    with pytest.raises(WaitTimeoutError, match="none so far"), throttled(Node(server, is_deaf=True), kubernetes):
        pytest.fail("the block must not run")
    assert not server.objects
