"""Times that tests measure."""

from collections.abc import Iterable
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


def most_at_once(spans: Iterable[tuple[datetime, datetime]]) -> int:
    """Return how many of the spans, from start to end, there are at the same time at most."""
    changes = sorted(change for start, end in spans for change in ((start, 1), (end, -1)))
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
