"""A clock that only moves when somebody sleeps."""

from dataclasses import dataclass

from harness.waiting import Clock


@dataclass
class FakeTime:
    """Seconds from zero."""

    seconds: float = 0.0

    @property
    def clock(self) -> Clock:
        """Return what `wait_until` takes."""
        return Clock(now=lambda: self.seconds, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds
