"""Records every worker pod from before a trigger to its end: a finished pod is deleted at once, so polling misses it.

With the pods it keeps their Events and the last lines of their logs, and marks that a test sets, such as a fault.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from harness.errors import HarnessError
from harness.observe.events import ClusterEvent, parse_event
from harness.observe.follower import Follower, Gap
from harness.observe.pod_logs import PodLog, PodLogs
from harness.observe.pods import WORKER_SELECTOR, WorkerPod, next_version, parse_pod
from harness.redact import redact
from harness.tools.airflow_client import AirflowApiError
from harness.tools.k8s import Kubernetes, Objects, WatchEvent
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import CLOCK, Clock, NotYet, utc_now, wait_until


@dataclass(frozen=True)
class Mark:
    """Something that a test did and that belongs into the timeline."""

    when: datetime
    text: str


class PodRecorder:
    """A context manager; what it has seen can be read while it records and afterwards.

    Entering raises KubernetesError when the first list fails. If the API server is away for longer than
    `follower.RECONNECT_S` the recording ends, and `pods` raises HarnessError: a recording with an unknown end proves
    nothing. Events and logs are evidence and no proof: what of them cannot be had is missing, and that is all.
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
        self._pods = _Pods(PodLogs(kubernetes, now=now))
        self._events = _Events()
        self._pod_follower = Follower(
            kubernetes, "Pod", namespace, self._pods, label_selector=WORKER_SELECTOR, now=now, clock=clock
        )
        self._event_follower = Follower(kubernetes, "Event", namespace, self._events, now=now, clock=clock)
        self.marks: list[Mark] = []
        self.outages: list[Gap] = []

    def __enter__(self) -> Self:
        """Take the first list and start to watch."""
        self._pod_follower.list_now()
        self._pods.logs.start()
        self._pod_follower.start()
        self._event_follower.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        for follower in (self._pod_follower, self._event_follower):
            follower.stop()
        for follower in (self._pod_follower, self._event_follower):
            follower.join()
        self._pods.logs.stop()

    @property
    def has_ended_early(self) -> bool:
        """Return whether `pods` would raise."""
        return self._pod_follower.error is not None

    @property
    def gaps(self) -> list[Gap]:
        """Return the times without a watch on the pods; after one with `has_list` a short-lived pod may be unseen."""
        return list(self._pod_follower.gaps)

    def pods(self, *, dag_id: str = "", run_id: str = "") -> list[WorkerPod]:
        """Return the pods that were seen, oldest first, of one DAG or run if it is named."""
        error = self._pod_follower.error
        if error is not None:
            raise HarnessError(
                f"the recording of worker pods ended early: {error}", next_step=error.advice, party=error.party
            )
        chosen = (pod for pod in self._pods.all() if dag_id in ("", pod.dag_id) and run_id in ("", pod.run_id))
        return sorted(chosen, key=lambda pod: (pod.created, pod.phases[0].seen))

    def events(self, uid: str = "") -> list[ClusterEvent]:
        """Return the namespace's Events, or those about the object with this UID, oldest first."""
        chosen = (event for event in self._events.all() if uid in ("", event.about_uid))
        return sorted(chosen, key=lambda event: event.last)

    def log(self, uid: str) -> PodLog | None:
        """Return the last lines of the pod's log, or None when none were fetched."""
        return self._pods.logs.of(uid)

    def mark(self, text: str, *, when: datetime | None = None) -> None:
        """Note a fault that acted, now or at `when`, such as `force-deleted pod x`: reports show it on their charts."""
        self.marks.append(Mark(when or self._now(), redact(text)))

    def note_answer(self, error: AirflowApiError | None) -> None:
        """Note whether Airflow's API answered a wait, and begin or end an outage: why it did not, or None."""
        is_away = bool(self.outages) and self.outages[-1].end is None
        if error and not is_away:
            self.outages.append(Gap(self._now(), str(error)))
        elif is_away and not error:
            self.outages[-1] = replace(self.outages[-1], end=self._now())

    def catch_up(self, *, timeout_s: float = 30.0) -> None:
        """Wait until all pods that exist now are recorded: a pod cannot hide behind a slow watch."""
        present: set[str] | None = None

        def probe() -> bool | NotYet:
            nonlocal present
            try:
                present = self._list_uids() if present is None else present
            except KubernetesError as error:
                return NotYet(str(error))
            missing = present - {pod.uid for pod in self.pods()}
            return NotYet(f"{len(missing)} pods are not in the recording yet") if missing else True

        wait_until("the recording of worker pods", probe, timeout_s=timeout_s, interval_s=0.1, clock=self._clock)

    def _list_uids(self) -> set[str]:
        pods = self._kubernetes.list("Pod", self._namespace, label_selector=WORKER_SELECTOR)
        return {pod["metadata"]["uid"] for pod in pods}


class _Pods:
    """The pods by UID; a UID that a list no longer has is gone."""

    def __init__(self, logs: PodLogs) -> None:
        self.logs = logs
        self._lock = threading.Lock()
        self._known: dict[str, WorkerPod] = {}

    def all(self) -> list[WorkerPod]:
        with self._lock:
            return list(self._known.values())

    def listed(self, objects: Objects, seen: datetime) -> None:
        for item in objects:
            self._put(item, seen)
        present = {item["metadata"]["uid"] for item in objects}
        for pod in self.all():
            if pod.uid not in present and pod.deleted is None:
                self._store(replace(pod, deleted=seen))

    def changed(self, event: WatchEvent, seen: datetime) -> None:
        pod = self._put(event.object, seen)
        if event.type == "DELETED":
            self._store(replace(pod, deleted=seen))

    def rested(self, seen: datetime) -> None:
        for pod in self.all():
            self.logs.look_at(pod, seen)

    def _put(self, item: Mapping[str, Any], seen: datetime) -> WorkerPod:
        version = parse_pod(item, seen)
        with self._lock:
            pod = next_version(self._known.get(version.uid), version)
            self._known[pod.uid] = pod
        self.logs.look_at(pod, seen)
        return pod

    def _store(self, pod: WorkerPod) -> None:
        with self._lock:
            self._known[pod.uid] = pod


class _Events:
    """The Events by UID, in their last version; one that the API server dropped stays."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, ClusterEvent] = {}

    def all(self) -> list[ClusterEvent]:
        with self._lock:
            return list(self._known.values())

    def listed(self, objects: Objects, seen: datetime) -> None:
        for item in objects:
            self._put(item, seen)

    def changed(self, event: WatchEvent, seen: datetime) -> None:
        if event.type != "DELETED":
            self._put(event.object, seen)

    def rested(self, seen: datetime) -> None:
        """Do nothing: there is nothing to fetch."""

    def _put(self, item: Mapping[str, Any], seen: datetime) -> None:
        event = parse_event(item, seen)
        with self._lock:
            self._known[event.uid] = event
