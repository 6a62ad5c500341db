"""The frozen API server: it does not answer in the block, and goes on after it whatever happens."""

from typing import Any

import pytest

from harness.faults.injection import FaultError
from harness.faults.kube_api import ASK, freeze_api_server
from harness.tools.docker import Docker

from ..fakes.clock import FakeTime
from ..fakes.command import FakeCommands

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
    with freeze_api_server(Docker("docker"), "node-1", kubernetes, clock=FakeTime().clock) as proof:
        assert "request canceled" in proof
        assert GO_ON not in commands.argvs
        raise RuntimeError


def test_server_that_answers_is_no_fault(commands: FakeCommands, kubernetes: Any) -> None:
    prepare(commands, is_stopped=False)
    with (
        pytest.raises(FaultError, match="answers although"),
        freeze_api_server(Docker("docker"), "node-1", kubernetes, clock=FakeTime().clock),
    ):
        pytest.fail("the block must not run")
    assert commands.argvs[-1] == GO_ON
