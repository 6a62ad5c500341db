"""Kubernetes' own account of what it did: its Events, read into records; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from harness.tools.k8s import event_time


@dataclass(frozen=True)
class ClusterEvent:
    """One Event object, `about_uid` being the UID of what it is about.

    `last` is when it last happened, by the cluster, `seen` when we saw that, `count` how often it happened.
    """

    uid: str
    about_kind: str
    about_name: str
    about_uid: str
    type: str
    reason: str
    message: str
    last: datetime
    seen: datetime
    count: int = 1

    @property
    def line(self) -> str:
        """Return the event as people read it."""
        times = f" (x{self.count})" if self.count > 1 else ""
        return f"{self.type} {self.reason} {self.about_kind.lower()}/{self.about_name}: {self.message}{times}"


def parse_event(item: Mapping[str, Any], seen: datetime) -> ClusterEvent:
    """Read a v1 Event that we saw at `seen`, which is its time when it holds none."""
    about = item.get("involvedObject") or {}
    when = event_time(item)
    return ClusterEvent(
        uid=item["metadata"].get("uid", item["metadata"]["name"]),
        about_kind=about.get("kind", ""),
        about_name=about.get("name", ""),
        about_uid=about.get("uid", ""),
        type=item.get("type", ""),
        reason=item.get("reason", ""),
        message=item.get("message") or "",
        last=datetime.fromisoformat(when) if when else seen,
        seen=seen,
        count=(item.get("series") or {}).get("count") or item.get("count") or 1,
    )
