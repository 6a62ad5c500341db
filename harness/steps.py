"""An ordered list of idempotent steps, and the way in which they report."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self

from harness.waiting import CLOCK, Clock

LOGGER = logging.getLogger(__name__)

Outcome = Literal["checked", "done", "unchanged", "failed"]
Say = Callable[[str], object]


class Progress(str):
    """How far the running step is: a text like any other, which who shows it may draw as a bar of `done` in `total`."""

    __slots__ = ("done", "total")
    done: int
    total: int

    def __new__(cls, done: int, total: int, what: str) -> Self:
        """Make the text `DONE of TOTAL WHAT`."""
        made = super().__new__(cls, f"{done} of {total} {what}")
        made.done, made.total = done, total
        return made


@dataclass
class Pace:
    """Lets a log have what it needs: each text, and progress every `every_s` seconds that a step takes."""

    every_s: float = 10
    clock: Clock = CLOCK
    _next: float = field(default=0, init=False)

    def start(self) -> None:
        """Begin with a step: a short one needs no word of how far it is."""
        self._next = self.clock.now() + self.every_s

    def is_due(self, text: str) -> bool:
        """Tell whether the log gets this text."""
        if not isinstance(text, Progress):
            return True
        now = self.clock.now()
        if now < self._next:
            return False
        self._next = now + self.every_s
        return True


class Reporter(Protocol):
    """Hears how the steps go; the surface implements it, for only the surface prints."""

    def started(self, name: str) -> None:
        """Step `name` is being looked at."""

    def said(self, text: str) -> None:
        """The running step has something to tell: what it does or waits for."""

    def ended(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Step `name` ended after `seconds`; `unchanged` when nothing was to be done, `checked` for a mere look."""


class Silent:
    """A reporter that says nothing: an error tells what failed."""

    def started(self, name: str) -> None:
        """Say nothing."""

    def said(self, text: str) -> None:
        """Say nothing."""

    def ended(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Step:
    """One thing that `up` makes: `run` makes it when `is_done` says that it is not there as it should be.

    Without `is_done` it is a check: `run` always runs and makes nothing. What `run` returns is of no interest.
    """

    name: str
    is_done: Callable[[], bool] | None
    run: Callable[[Say], object]


def run_steps(steps: Iterable[Step], reporter: Reporter, clock: Clock = CLOCK) -> None:
    """Take the steps in order; an exception ends the list after its step was reported as failed."""
    for step in steps:
        started = clock.now()
        reporter.started(step.name)
        outcome: Outcome = "failed"
        try:
            if step.is_done and step.is_done():
                outcome = "unchanged"
            else:
                step.run(reporter.said)
                outcome = "done" if step.is_done else "checked"
        finally:
            seconds = clock.now() - started
            LOGGER.info("%.2f s, %s: step `%s`", seconds, outcome, step.name)
            reporter.ended(step.name, outcome, seconds)
