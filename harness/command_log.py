"""The log of the commands that run: each with its time and exit code, redacted."""

import logging
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness.redact import redact
from harness.waiting import CLOCK

LOGGER = logging.getLogger(__name__)
TAIL_LINES = 30
LONGEST_WORD = 200


@contextmanager
def log_command(argv: Sequence[str]) -> Iterator[Callable[[int, str], None]]:
    """Log the command, whatever becomes of it; it came to its end when what is yielded was called."""
    started, outcome, tail = CLOCK.now(), "ended by us, or not started", ""
    LOGGER.debug("starting: %s", _Shown(argv))

    def end(code: int, errors: str) -> None:
        nonlocal outcome, tail
        outcome, tail = f"exit code {code}", f"\n{redact_tail(errors)}" if code else ""

    try:
        yield end
    finally:
        LOGGER.info("%.2f s, %s: %s%s", CLOCK.now() - started, outcome, _Shown(argv), tail.rstrip())


@dataclass(frozen=True)
class _Shown:
    """A command in a log, put in words only when somebody listens."""

    argv: Sequence[str]

    def __str__(self) -> str:
        words = (word if len(word) < LONGEST_WORD else f"[{len(word)} characters]" for word in self.argv)
        return redact(shlex.join(words))


def redact_tail(output: str) -> str:
    """Return the last lines of an output, with secrets masked."""
    return "\n".join(redact(output).strip().splitlines()[-TAIL_LINES:])
