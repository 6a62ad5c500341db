"""Records every worker pod from before a trigger to its end: a finished pod is deleted at once, so polling misses it.

First a list, then a watch from that list's resource version: nothing lies between. When the line breaks, the watch goes
on from the last version that was seen, which loses nothing either. Only when the API server no longer keeps that
version (status 410) is there a gap; then a new list is compared with what is known, and the gap is noted.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from harness.errors import HarnessError
from harness.observe.pods import WORKER_SELECTOR, WorkerPod, next_version, parse_pod
from harness.tools.k8s import Kubernetes, KubernetesError, WatchEvent
from harness.waiting import CLOCK, Clock, NotYet, wait_until

GONE = 410
# The watch is asked for anew this often, so that a recorder that is told to stop has stopped within this time.
WINDOW_S = 2
RECONNECT_S = 120.0


def utc_now() -> datetime:
    """Return the time now."""
    return datetime.now(UTC)


class PodRecorder:
    """A context manager; what it has seen can be read while it records and afterwards.

    Entering raises KubernetesError when the first list fails. If the API server is away for longer than `RECONNECT_S`
    the recording ends, and `pods` raises HarnessError: a recording with an unknown end proves nothing.
    """

    def __init__(
        self,
        kubernetes: Kubernetes,
        namespace: str,
        *,
        now: Callable[[], datetime] = utc_now,
        clock: Clock = CLOCK,
    ) -> None:
        self._kubernetes = kubernetes
        self._namespace = namespace
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._record, name="pod-recorder", daemon=True)
        self._pods: dict[str, WorkerPod] = {}
        self._version = ""
        self._error: HarnessError | None = None
        self.gaps: list[datetime] = []

    def __enter__(self) -> Self:
        """Take the first list and start to watch."""
        self._relist()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join(timeout=WINDOW_S + RECONNECT_S)

    @property
    def has_ended_early(self) -> bool:
        """Return whether `pods` would raise."""
        return self._error is not None

    def pods(self, *, dag_id: str = "", run_id: str = "") -> list[WorkerPod]:
        """Return the pods that were seen, oldest first, of one DAG or run if it is named."""
        if self._error is not None:
            raise HarnessError(
                f"the recording of worker pods ended early: {self._error}", next_step=self._error.next_step
            )
        with self._lock:
            pods = list(self._pods.values())
        chosen = (pod for pod in pods if dag_id in ("", pod.dag_id) and run_id in ("", pod.run_id))
        return sorted(chosen, key=lambda pod: (pod.created, pod.phases[0].seen))

    def catch_up(self, *, timeout_s: float = 30.0) -> None:
        """Wait until all pods that exist now are recorded: a pod cannot hide behind a slow watch."""
        present = {
            pod["metadata"]["uid"]
            for pod in self._kubernetes.list("Pod", self._namespace, label_selector=WORKER_SELECTOR)
        }

        def probe() -> bool | NotYet:
            missing = present - {pod.uid for pod in self.pods()}
            return NotYet(f"{len(missing)} pods are not in the recording yet") if missing else True

        wait_until("the recording of worker pods", probe, timeout_s=timeout_s, interval_s=0.1, clock=self._clock)

    def _record(self) -> None:
        try:
            while not self._stop.is_set():
                # The reconnecting is a wait: it has a deadline and gives the API server time to come back.
                wait_until("the Kubernetes API's watch", self._watch_once, timeout_s=RECONNECT_S, clock=self._clock)
        except HarnessError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 - a thread's exception would be lost, and the silence would pass tests
            self._error = HarnessError(f"{type(error).__name__}: {error}")

    def _watch_once(self) -> bool | NotYet:
        try:
            events = self._kubernetes.watch(
                "Pod",
                self._namespace,
                label_selector=WORKER_SELECTOR,
                resource_version=self._version,
                timeout_s=WINDOW_S,
            )
            for event in events:
                self._take(event)
        except KubernetesError as error:
            if error.status != GONE:
                return True if self._stop.is_set() else NotYet(str(error))
            return self._bridge_gap()
        return True

    def _bridge_gap(self) -> bool | NotYet:
        try:
            self._relist()
        except KubernetesError as error:
            return NotYet(str(error))
        self.gaps.append(self._now())
        return True

    def _relist(self) -> None:
        pods, version = self._kubernetes.list_at_version("Pod", self._namespace, label_selector=WORKER_SELECTOR)
        seen = self._now()
        with self._lock:
            for pod in pods:
                self._put(pod, seen)
            present = {pod["metadata"]["uid"] for pod in pods}
            for uid, known in self._pods.items():
                if uid not in present and known.deleted is None:
                    self._pods[uid] = replace(known, deleted=seen)
            self._version = version

    def _take(self, event: WatchEvent) -> None:
        seen = self._now()
        with self._lock:
            if event.type != "BOOKMARK":
                pod = self._put(event.object, seen)
                if event.type == "DELETED":
                    self._pods[pod.uid] = replace(pod, deleted=seen)
            self._version = event.object["metadata"]["resourceVersion"]

    def _put(self, pod: Mapping[str, Any], seen: datetime) -> WorkerPod:
        version = parse_pod(pod, seen)
        self._pods[version.uid] = next_version(self._pods.get(version.uid), version)
        return self._pods[version.uid]
