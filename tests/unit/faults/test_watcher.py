"""The watcher: the scheduler's child that talks to the Kubernetes API, and no other process."""

from typing import cast

import pytest

from harness.command import CommandError
from harness.faults.injection import FaultError
from harness.faults.watcher import kill_watcher
from harness.tools.docker import Docker

from ..fakes.clock import FakeTime


class Node:
    """A node with a scheduler, process 10; of its children those in `watching` talk to the Kubernetes API."""

    def __init__(self, watching: set[int]) -> None:
        self.watching = watching
        self.killed: list[str] = []

    def exec(self, node: str, *command: str) -> str:
        assert node == "node-1"
        if command[:2] == ("pgrep", "--oldest"):
            return "10\n"
        if command[0] == "pgrep":
            return "11\n12\n13\n"
        if command[0] == "kill":
            self.killed.append(command[-1])
            self.watching = {13}
            return ""
        assert command[0] == "nsenter"
        if not self.watching:
            raise CommandError(command, "exit code 1")
        # The scheduler itself has a connection, too.
        return "\n".join(
            f'ESTAB 0 0 10.1.1.1:4 10.96.0.1:443 users:(("airflow",pid={pid},fd=9))' for pid in (10, *self.watching)
        )


def test_watcher_is_killed_and_another_waited_for() -> None:
    node = Node({12})
    with kill_watcher(cast("Docker", node), "node-1", clock=FakeTime().clock) as proof:
        assert "process 12" in proof
    assert node.killed == ["12"]


@pytest.mark.parametrize("watching", [{11, 12}, {99}])
def test_anything_but_one_watcher_is_no_fault(watching: set[int]) -> None:
    node = Node(watching)
    with (
        pytest.raises(FaultError, match="look like the KubernetesJobWatcher"),
        kill_watcher(cast("Docker", node), "node-1", clock=FakeTime().clock),
    ):
        pytest.fail("the block must not run")
    assert not node.killed
