"""What ran: each outside command and request with its time and outcome, on demand and in a file. All is redacted."""

import logging
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from harness.cli.output import say
from harness.redact import redact

LOGGER = logging.getLogger("harness")
KEPT = 10
TIME = "%H:%M:%S"


class _Redacted(logging.Formatter):
    """A line for each record, with secrets masked whoever wrote it."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _ToConsole(logging.Handler):
    """Prints past a running spinner."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        say(self._console, self.format(record), style="dim")


@contextmanager
def show_what_runs(console: Console) -> Iterator[None]:
    """Print what runs meanwhile."""
    with _listening(_ToConsole(console), "%(asctime)s %(message)s"):
        yield


@contextmanager
def keep_what_runs(folder: Path, verb: str, now: datetime) -> Iterator[Path]:
    """Write what runs meanwhile into a new file of `folder`, yield its path, and keep the newest of the older ones."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for outdated in sorted(folder.glob("*.log"))[: 1 - KEPT]:
        outdated.unlink(missing_ok=True)
    path = folder / f"{now:%Y%m%dT%H%M%S}-{verb}-{os.getpid()}.log"
    path.touch(0o600)
    with _listening(logging.FileHandler(path), "%(asctime)s %(levelname)-5s %(message)s"):
        python = f"Python {platform.python_version()} on {platform.system()} {platform.release()} {platform.machine()}"
        LOGGER.info("airflow-kind-harness %s, %s: %s", version("airflow-kind-harness"), python, shlex.join(sys.argv))
        yield path


@contextmanager
def _listening(handler: logging.Handler, style: str) -> Iterator[None]:
    handler.setFormatter(_Redacted(style, TIME))
    before = LOGGER.level
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before)
        handler.close()
