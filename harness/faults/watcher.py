"""A fault of the process in the scheduler that watches worker pods: the KubernetesJobWatcher."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from harness.command import CommandError
from harness.faults.injection import FaultError
from harness.tools.docker import Docker
from harness.waiting import CLOCK, Clock, NotYet, wait_until

ACTS_TIMEOUT_S = 60.0


@contextmanager
def kill_watcher(docker: Docker, node: str, *, clock: Clock = CLOCK) -> Iterator[str]:
    """Kill the scheduler's KubernetesJobWatcher from its node, and wait at the end until the scheduler has a new one.

    Raises FaultError when there is not one such process, and WaitTimeoutError when none follows it.
    """
    found = find_watchers(docker, node)
    if len(found) != 1:
        raise FaultError(f"{len(found)} processes on node {node} look like the KubernetesJobWatcher, one is wanted")
    (pid,) = found
    docker.exec(node, "kill", "-KILL", str(pid))

    def dead() -> bool | NotYet:
        return NotYet(f"process {pid} is still there") if pid in find_watchers(docker, node) else True

    def replaced() -> bool | NotYet:
        return True if find_watchers(docker, node) - {pid} else NotYet("the scheduler has no watcher")

    try:
        wait_until(f"process {pid} dead", dead, timeout_s=ACTS_TIMEOUT_S, clock=clock)
        yield f"KubernetesJobWatcher, process {pid} of node {node}, is dead"
    finally:
        wait_until("a new KubernetesJobWatcher", replaced, timeout_s=ACTS_TIMEOUT_S, clock=clock)


def find_watchers(docker: Docker, node: str) -> set[int]:
    """Return the scheduler's child processes that hold a connection to the Kubernetes API: its watchers."""
    main = _scheduler(docker, node)
    if not main:
        return set()
    try:
        children = {int(pid) for pid in docker.exec(node, "pgrep", "-P", main).split()}
    except CommandError:
        return set()  # it has none, or went
    # The process that forked them holds connections of its own.
    lines = docker.exec(node, "nsenter", "--target", main, "--net", "ss", "-Htnp", "dport", "=", ":443")
    return {int(pid) for pid in re.findall(r"pid=(\d+)", lines)} & children


def _scheduler(docker: Docker, node: str) -> str:
    try:
        return docker.exec(node, "pgrep", "--oldest", "--full", "python .*airflow scheduler$").split()[0]
    except CommandError:
        return ""
