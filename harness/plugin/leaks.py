"""What a session may leave: nothing that it started."""

import os
import threading

import psutil

from harness.observe.leftovers import is_run_of
from harness.observe.pods import WORKER_SELECTOR
from harness.tools import Json
from harness.tools.k8s import Kubernetes
from harness.waiting import Clock, NotYet, not_yet, wait_until

LEAK_S = 30


class LeakCheck:
    """Knows which threads and processes there were when it was made."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._threads = set(threading.enumerate())
        self._processes = set(_find_processes())

    def wait(self, kubernetes: Kubernetes, namespace: str) -> None:
        """Wait until no worker pod of this process's runs, no thread and no process goes on that came since.

        Raises WaitTimeoutError that names what is left.
        """

        def probe() -> bool | NotYet:
            left = [f"thread {thread.name}" for thread in threading.enumerate() if thread not in self._threads]
            left += [f"process {child}" for child in _find_processes() if child not in self._processes]
            pods = kubernetes.list("Pod", namespace, label_selector=WORKER_SELECTOR)
            ours = [pod["metadata"] for pod in pods if is_run_of(os.getpid(), _run_id(pod))]
            left += [f"pod {metadata['name']}" for metadata in ours]
            return not_yet(left) if left else True

        next_step = "end what the tests started, or leave this check out: --no-leak-check"
        what = "the end of what the session started"
        wait_until(what, probe, timeout_s=LEAK_S, next_step=next_step, clock=self._clock)


def _run_id(pod: Json) -> str:
    return str(pod["metadata"].get("annotations", {}).get("run_id", ""))


def _find_processes() -> list[psutil.Process]:
    """Return what this process started, but for a container engine that `up` may have started, and its processes."""
    engines = [process for process in psutil.process_iter(["name"]) if process.info["name"] == "dockerd"]
    theirs = {process for engine in engines for process in (engine, *engine.children(recursive=True))}
    return [child for child in psutil.Process().children(recursive=True) if child not in theirs]
