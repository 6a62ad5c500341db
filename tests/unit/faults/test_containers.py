"""Signals to a container's processes: seen to act, and undone."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from harness.faults.containers import SIGNAL_ALL, STATES, hang_container, kill_container
from harness.faults.injection import FaultError
from harness.tools.docker import Docker
from harness.waiting import WaitTimeoutError

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer, worker_pod
from ..observe.samples import pod

AFTER = {"STOP": "T", "CONT": "S"}


@dataclass
class Node:
    """A node with the processes of one container; `is_deaf` ones mind no signal."""

    processes: dict[str, str] = field(default_factory=lambda: {"7": "S", "8": "R"})
    is_deaf: bool = False

    def exec(self, container: str, *command: str) -> str:
        assert container == "node-1"
        if command[0] == "ctr":
            assert command[-1] == "abc"
            return "PID    INFO\n" + "\n".join(f"{pid}    -" for pid in self.processes)
        script, arguments = command[2], command[4:]
        if script == STATES:
            return "\n".join(f"State:\t{self.processes[pid]} (any)" for pid in arguments if pid in self.processes)
        assert script == SIGNAL_ALL
        if not self.is_deaf:
            self.processes = {} if arguments[0] == "KILL" else dict.fromkeys(self.processes, AFTER[arguments[0]])
        return ""


def harm(action: Any, node: Node, server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    victim = pod(name="a", uid="uid-of-a", node="node-1")
    return action(cast("Docker", node), server.client(monkeypatch), victim, clock=FakeTime().clock)


@pytest.fixture
def running(server: FakeApiServer) -> FakeApiServer:
    item = worker_pod("a", phase="Running")
    item["status"]["containerStatuses"] = [{"name": "base", "containerID": "containerd://abc"}]
    server.put("pods", item)
    return server


def test_killed_processes_are_seen_gone(running: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node()
    with harm(kill_container, node, running, monkeypatch) as proof:
        assert "2 processes" in proof
        assert not node.processes


def test_processes_that_live_on_are_told(running: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(WaitTimeoutError, match="2 processes are left"),
        harm(kill_container, Node(is_deaf=True), running, monkeypatch),
    ):
        pass


def test_hung_processes_go_on_after_an_exception(running: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node()
    action = harm(hang_container, node, running, monkeypatch)
    action.__enter__()
    assert set(node.processes.values()) == {"T"}
    with pytest.raises(ZeroDivisionError):
        action.gen.throw(ZeroDivisionError())
    assert set(node.processes.values()) == {"S"}


def test_processes_that_do_not_stop_are_told(running: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(WaitTimeoutError, match=r"stopped: .* S R"),
        harm(hang_container, Node(is_deaf=True), running, monkeypatch),
    ):
        pass


def test_pod_without_a_container_is_no_victim(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put("pods", worker_pod("a", phase="Running"))
    with pytest.raises(FaultError, match="no container"), harm(hang_container, Node(), server, monkeypatch):
        pass
