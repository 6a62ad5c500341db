"""Keeps the last lines of worker pods' logs: a pod is deleted within a second of its end, and its log with it.

A log is fetched when the pod is seen over or being deleted, and every few seconds while it runs: a pod that is deleted
without grace leaves no other chance. One thread does it, one request at a time; a stream for each pod would hold as
many connections to the kubelet as there are pods, for the same lines.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from harness.observe.pods import WorkerPod
from harness.redact import redact
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError

CONTAINER = "base"  # the KubernetesExecutor's name for the container that runs the task
TAIL_LINES = 200
FIRST_CHARS, LAST_CHARS = 8_192, 57_344  # of each of some hundred pods of a session
REFRESH_S = 4.0
JOIN_S = 60.0
# How near the end a pod is; each stage is a new reason to fetch.
RUNNING, BEING_DELETED, ENDED = range(3)


@dataclass(frozen=True)
class PodLog:
    """The last lines that were fetched, redacted, without the times that the node wrote before each.

    `first_line` is when the first of all lines was written, if it was seen; `is_final` says that the container had
    ended before `fetched`; `problem` is why the last fetch failed.
    """

    text: str = ""
    fetched: datetime | None = None
    first_line: datetime | None = None
    is_final: bool = False
    problem: str = ""


class PodLogs:
    """Fetches in a thread of its own; what it holds can be read at any time."""

    def __init__(self, kubernetes: Kubernetes, *, now: Callable[[], datetime]) -> None:
        self._kubernetes = kubernetes
        self._now = now
        self._lock = threading.Lock()
        self._wanted: queue.SimpleQueue[WorkerPod | None] = queue.SimpleQueue()
        self._asked: dict[str, tuple[datetime, int]] = {}
        self._logs: dict[str, PodLog] = {}
        self._thread = threading.Thread(target=self._fetch_all, name="pod-logs", daemon=True)

    def start(self) -> None:
        """Begin to fetch."""
        self._thread.start()

    def stop(self) -> None:
        """Fetch what was asked for, and end."""
        self._wanted.put(None)
        self._thread.join(timeout=JOIN_S)

    def of(self, uid: str) -> PodLog | None:
        """Return the pod's log, or None when nobody asked for it yet."""
        with self._lock:
            return self._logs.get(uid)

    def look_at(self, pod: WorkerPod, seen: datetime) -> None:
        """Ask for the pod's log if it is time to: at once when it ends, else when the last one has grown old."""
        container = next((one for one in pod.containers if one.name == CONTAINER), None)
        if container is None or container.started is None or pod.deleted is not None:
            return
        stage = _stage(pod, has_ended=container.finished is not None)
        asked = self._asked.get(pod.uid)
        is_old = asked is None or (seen - asked[0]).total_seconds() >= REFRESH_S
        if asked is None or stage > asked[1] or (is_old and stage < ENDED):
            self._asked[pod.uid] = (seen, stage)
            self._wanted.put(pod)

    def _fetch_all(self) -> None:
        for pod in iter(self._wanted.get, None):
            log = self._fetch(pod)
            with self._lock:
                self._logs[pod.uid] = log

    def _fetch(self, pod: WorkerPod) -> PodLog:
        known = self._logs.get(pod.uid, PodLog())
        try:
            text = self._kubernetes.pod_log(
                pod.name,
                pod.namespace,
                container=CONTAINER,
                tail_lines=TAIL_LINES,
                timestamps=True,
                first_chars=FIRST_CHARS,
                last_chars=LAST_CHARS,
            )
        except KubernetesError as error:
            if not error.status:
                self._asked.pop(pod.uid, None)  # nobody answered: the next look asks again
            return replace(known, problem=str(error))
        lines = [line.partition(" ") for line in text.splitlines()]
        first = known.first_line
        if first is None and lines and len(lines) < TAIL_LINES:
            first = _time(lines[0][0])
        has_ended = any(one.name == CONTAINER and one.finished for one in pod.containers)
        return PodLog(redact("\n".join(line for _, _, line in lines)), self._now(), first, has_ended)


def _stage(pod: WorkerPod, *, has_ended: bool) -> int:
    if has_ended:
        return ENDED
    return RUNNING if pod.deletion_requested is None else BEING_DELETED


def _time(text: str) -> datetime | None:
    """Read RFC 3339 with nanoseconds, which Python cuts to microseconds."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
