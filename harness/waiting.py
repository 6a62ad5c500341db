"""The one place that waits: with a deadline, an early end, and a message that names what is not ready.

A probe returns the value that was waited for, or `NotYet(reason)`. It raises `Unreachable` when waiting longer is
useless. Nothing else in the harness sleeps.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from harness.errors import Advice, HarnessError, Party


class WaitTimeoutError(HarnessError):
    """The deadline passed; the message holds what was waited for and its last state."""


class Unreachable(HarnessError):  # noqa: N818 - a signal from a probe, and an error only when nobody expects it
    """A probe raises this when the goal can no longer be reached."""


@dataclass(frozen=True)
class NotYet:
    """The state of something that is not ready, in words that a person can act on."""

    reason: str


def not_yet(problems: Sequence[str]) -> NotYet:
    """Return several problems as one reason, their number first: a line that is cut short still shows progress."""
    return NotYet(f"{len(problems)} to go: {', '.join(problems)}")


def utc_now() -> datetime:
    """Return the date and time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """Time and sleep, so that a test can wait without waiting.

    `now` is in seconds from an unknown start and never goes back; `utc_now` is what a calendar and a watch show.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    utc_now: Callable[[], datetime] = utc_now


CLOCK = Clock()
T = TypeVar("T")


def wait_until(
    what: str,
    probe: Callable[[], T | NotYet],
    *,
    timeout_s: float,
    interval_s: float = 0.5,
    next_step: Advice = (),
    party: Party | None = None,
    on_change: Callable[[str], object] | None = None,
    clock: Clock = CLOCK,
) -> T:
    """Call `probe` every `interval_s` seconds until it returns a value, and return that.

    `on_change` hears each new reason once. Raises WaitTimeoutError of `party` with the last reason, and lets what the
    probe raises through.
    """
    start = clock.now()
    last = ""
    while True:
        outcome = probe()
        if not isinstance(outcome, NotYet):
            return outcome
        if outcome.reason != last:
            last = outcome.reason
            if on_change:
                on_change(last)
        waited = clock.now() - start
        if waited + interval_s > timeout_s:
            raise WaitTimeoutError(
                f"{what}: not reached in {timeout_s:.0f} s; last seen: {last}", next_step=next_step, party=party
            )
        clock.sleep(interval_s)
