"""Follows all objects of a kind: a list first, then a watch from that list's version, so that nothing lies between.

When the line breaks, the watch goes on from the last version that was seen, which loses nothing. When the API server
refuses that (410: it no longer keeps the version; 5xx: it is starting), a new list is compared with what is known.
Either way the gap is noted.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from harness.errors import HarnessError
from harness.tools.k8s import Kubernetes, Objects, WatchEvent
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import CLOCK, Clock, NotYet, utc_now, wait_until

# The watch is asked for anew this often, so that a follower that is told to stop has stopped within this time.
WINDOW_S = 2
# Longer than an API server that is killed with its etcd takes to come back on a busy machine.
RECONNECT_S = 300.0


@dataclass(frozen=True)
class Gap:
    """A time without a watch; `has_list` says that it ended with a list, so that what came and went in it is unseen."""

    start: datetime
    reason: str
    end: datetime | None = None
    has_list: bool = False


class Sink(Protocol):
    """Takes what was seen, in the follower's thread, but for the first list."""

    def listed(self, objects: Objects, seen: datetime) -> None:
        """Take all objects that there are."""
        ...

    def changed(self, event: WatchEvent, seen: datetime) -> None:
        """Take one change."""
        ...

    def rested(self, seen: datetime) -> None:
        """Know that a window of the watch ended in order."""
        ...


class Follower:
    """Follows one kind in one namespace; `error` is why it gave up, if it did."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        kind: str,
        namespace: str,
        sink: Sink,
        *,
        label_selector: str = "",
        now: Callable[[], datetime] = utc_now,
        clock: Clock = CLOCK,
    ) -> None:
        self._kubernetes = kubernetes
        self._kind = kind
        self._namespace = namespace
        self._selector = label_selector
        self._sink = sink
        self._now = now
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"follow-{kind}", daemon=True)
        self._version = ""
        self.error: HarnessError | None = None
        self.gaps: list[Gap] = []

    def list_now(self) -> None:
        """Take a list; raises KubernetesError."""
        objects, version = self._kubernetes.list_at_version(self._kind, self._namespace, label_selector=self._selector)
        self._sink.listed(objects, self._now())
        self._version = version

    def start(self) -> None:
        """Follow in a thread, from the last list on."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end and return at once."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the end that was asked for."""
        self._thread.join(timeout=RECONNECT_S)

    def _follow(self) -> None:
        what = f"the Kubernetes API's watch of {self._kind}"
        try:
            while not self._stop.is_set():
                # The reconnecting is a wait: it has a deadline and gives the API server time to come back.
                wait_until(what, self._watch_once, timeout_s=RECONNECT_S, clock=self._clock)
        except HarnessError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - a thread's exception would be lost, and the silence would pass tests
            self.error = HarnessError(f"{type(error).__name__}: {error}")

    def _watch_once(self) -> bool | NotYet:
        try:
            if not self._version:
                self.list_now()
                self._close_gap(has_list=True)
            for event in self._kubernetes.watch(
                self._kind,
                self._namespace,
                label_selector=self._selector,
                resource_version=self._version,
                timeout_s=WINDOW_S,
            ):
                self._close_gap(has_list=False)
                self._take(event)
        except KubernetesError as error:
            return self._note(error)
        self._close_gap(has_list=False)
        self._sink.rested(self._now())
        return True

    def _take(self, event: WatchEvent) -> None:
        if event.type != "BOOKMARK":
            self._sink.changed(event, self._now())
        self._version = event.object["metadata"]["resourceVersion"]

    def _note(self, error: KubernetesError) -> bool | NotYet:
        """Open a gap; an answer that refuses the version makes the next attempt begin with a list."""
        if self._stop.is_set():
            return True
        if not (self.gaps and self.gaps[-1].end is None):
            self.gaps.append(Gap(self._now(), str(error)))
        if error.status:
            self._version = ""
        return NotYet(str(error))

    def _close_gap(self, *, has_list: bool) -> None:
        if self.gaps and self.gaps[-1].end is None:
            self.gaps[-1] = replace(self.gaps[-1], end=self._now(), has_list=has_list)
