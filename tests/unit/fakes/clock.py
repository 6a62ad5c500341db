"""A clock that only moves when somebody sleeps."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from harness.waiting import Clock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class FakeTime:
    """Seconds from zero; what was planned for a time happens when it comes."""

    seconds: float = 0.0
    _plans: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Plan an action; those of one time happen in the order of their planning."""
        self._plans.append((seconds, action))

    @property
    def clock(self) -> Clock:
        """Return what `wait_until` takes."""
        return Clock(now=lambda: self.seconds, sleep=self._sleep, utc_now=self.utc_now)

    def utc_now(self) -> datetime:
        """Return noon, and the seconds since."""
        return NOON + timedelta(seconds=self.seconds)

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds
        due = sorted((plan for plan in self._plans if plan[0] <= self.seconds), key=lambda plan: plan[0])
        self._plans = [plan for plan in self._plans if plan[0] > self.seconds]
        for _, action in due:
            action()
