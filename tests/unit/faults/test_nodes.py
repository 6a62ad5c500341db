"""Faults of nodes: Kubernetes has given the node up before the block, and has it back after it."""

from contextlib import AbstractContextManager
from typing import Any, cast

import pytest

from harness.faults.injection import FaultError
from harness.faults.nodes import Nodes
from harness.tools.docker import Docker

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer, worker_pod
from ..observe.samples import pod

STATES = {"pause": "paused", "unpause": "running", "kill": "exited", "start": "running"}


class Engine:
    """An engine with one node, whose readiness follows its state."""

    def __init__(self, server: FakeApiServer, *, is_deaf: bool = False) -> None:
        self.server, self.is_deaf = server, is_deaf
        self.verbs: list[str] = []
        self._set("running")

    def call(self, verb: str, *_: str) -> str:
        self.verbs.append(verb)
        if not self.is_deaf:
            self._set(STATES[verb])
        return ""

    def inspect(self, _: str) -> Any:
        return {"Id": "id", "State": {"Status": self.state}}

    def _set(self, state: str) -> None:
        self.state = state
        ready = "True" if state == "running" else "Unknown"
        condition = {"type": "Ready", "status": ready, "reason": "NodeStatusUnknown"}
        self.server.put("nodes", {"metadata": {"name": "a"}, "spec": {}, "status": {"conditions": [condition]}})


@pytest.mark.parametrize(("how", "verbs"), [("pause", ["pause", "unpause"]), ("power_off", ["kill", "start"])])
def test_silent_node_comes_back_also_after_an_error(
    server: FakeApiServer, kubernetes: Any, how: str, verbs: list[str]
) -> None:
    engine = Engine(server)
    action = getattr(Nodes(cast("Docker", engine), kubernetes, FakeTime().clock), how)("a")
    with pytest.raises(RuntimeError):
        fail_in_the_block(action)
    assert engine.verbs == verbs


def fail_in_the_block(action: AbstractContextManager[str]) -> None:
    with action as proof:
        assert "NodeStatusUnknown" in proof
        raise RuntimeError


def test_node_that_goes_on_is_no_fault(server: FakeApiServer, kubernetes: Any) -> None:
    nodes = Nodes(cast("Docker", Engine(server, is_deaf=True)), kubernetes, FakeTime().clock)
    with pytest.raises(FaultError, match="running, not paused"), nodes.pause("a"):
        pytest.fail("the block must not run")


def drained(server: FakeApiServer, kubernetes: Any, victim_node: str) -> Any:
    item = worker_pod("a", phase="Running")
    item["spec"] = {"nodeName": victim_node}
    server.put("pods", item)
    return Nodes(cast("Docker", Engine(server)), kubernetes, FakeTime().clock).drain("a", pod(name="a", uid="uid-of-a"))


def test_drained_node_has_no_worker_and_takes_none(server: FakeApiServer, kubernetes: Any) -> None:
    with drained(server, kubernetes, "a") as proof:
        assert "1 of its worker pods" in proof
        assert server.objects["nodes", "", "a"]["spec"]["unschedulable"] is True
        assert not [key for key in server.objects if key[0] == "pods"]
    assert "unschedulable" not in server.objects["nodes", "", "a"]["spec"]


def test_victim_on_another_node_is_no_fault(server: FakeApiServer, kubernetes: Any) -> None:
    with pytest.raises(FaultError, match="does not run on node"), drained(server, kubernetes, "b"):
        pytest.fail("the block must not run")
