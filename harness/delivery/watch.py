"""Syncs a folder at every save, until it is interrupted."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from harness.delivery.pack import is_left_out
from harness.errors import HarnessError
from harness.gate.problem import RefusedError
from harness.tools.airflow_client import AirflowApiError
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import CLOCK, Clock, NotYet, wait_until

if TYPE_CHECKING:
    from watchfiles import Change

# Saves are one batch until none came for QUIET_MS, or for BATCH_MS in all.
QUIET_MS = 50
BATCH_MS = 500
TICK_MS = 100
RETRY_S = 2.0
A_DAY_S = 24 * 3600.0
NAMES_SHOWN = 3
# What vim, emacs and JetBrains write beside the file that is saved; their other such files are hidden ones.
EDITORS_OWN = re.compile(r"4913|#.*#|.*~|.*\.(sw[a-z]|py[co])|.*___jb_\w+___")

Say = Callable[[str], None]
HasSaves = Callable[[], bool]


class Watch:
    """Calls `sync` at the start and after each batch of `saves`; it returns what to tell, or raises HarnessError.

    `ping` raises the error of a cluster that does not answer: then the sync waits until it does. `after_sync` is
    called after each sync that succeeded, with a function that tells whether there is something to sync again;
    `explain` tells what to do about an error.
    """

    def __init__(
        self,
        saves: Iterator[frozenset[str]],
        sync: Callable[[], str],
        *,
        say: Say,
        ping: Callable[[], object],
        explain: Callable[[HarnessError], str],
        after_sync: Callable[[HasSaves], None] = lambda _: None,
        now: Callable[[], datetime] = datetime.now,
        clock: Clock = CLOCK,
    ) -> None:
        self._saves = saves
        self._sync = sync
        self._say = say
        self._ping = ping
        self._explain = explain
        self._after_sync = after_sync
        self._now = now
        self._clock = clock
        self._pending: set[str] = set()

    def run(self) -> None:
        """Sync and watch until `saves` ends, or somebody raises KeyboardInterrupt."""
        self._has_saves()  # from here on none is missed
        self._handle()
        for names in chain([frozenset[str]()], self._saves):
            self._pending |= names
            while self._pending:
                self._handle()

    def _has_saves(self) -> bool:
        self._pending |= next(self._saves, frozenset())
        return bool(self._pending)

    def _handle(self) -> None:
        """Sync what is pending, and tell how it went; what is saved meanwhile is pending afterwards."""
        names = self._take()
        try:
            self._tell(self._sync_when_the_cluster_answers(names), names)
        except RefusedError as error:
            self._tell("kept the last good version", names, "\n".join(map(str, error.problems)))
            return
        except HarnessError as error:
            self._tell("failed", names, f"{error}\n{self._explain(error)}")
            return
        try:
            self._after_sync(self._has_saves)
        except HarnessError as error:
            self._tell("synced, and then failed", set(), f"{error}\n{self._explain(error)}")

    def _sync_when_the_cluster_answers(self, names: set[str]) -> str:
        is_away = False

        def probe() -> str | NotYet:
            nonlocal is_away
            if is_away and self._has_saves():
                names.update(self._take())
            try:
                self._ping()
                text = self._sync()
            except (KubernetesError, AirflowApiError) as error:
                # An API server that is coming back refuses for a while what it allows later.
                if not (error.is_away or is_away):
                    raise
                if not is_away:
                    self._tell("the cluster does not answer; what is saved goes live when it does", names, str(error))
                is_away = True
                return NotYet(str(error))
            return f"the cluster answers again, {text}" if is_away else text

        return wait_until("the cluster", probe, timeout_s=A_DAY_S, interval_s=RETRY_S, clock=self._clock)

    def _take(self) -> set[str]:
        names, self._pending = self._pending, set()
        return names

    def _tell(self, text: str, names: set[str], why: str = "") -> None:
        """Say one line with the time and the files' names, and below it, indented, why."""
        shown = sorted(names)[:NAMES_SHOWN]
        if len(names) > len(shown):
            shown.append(f"and {len(names) - len(shown)} more")
        files = f" ({', '.join(shown)})" if shown else ""
        reasons = [f"         {line}" for line in why.splitlines() if line]
        self._say("\n".join([f"{self._now():%H:%M:%S} {text}{files}", *reasons]))


def read_saves(folder: Path, clock: Clock = CLOCK) -> Iterator[frozenset[str]]:
    """Yield the names that were saved below the folder, or none after TICK_MS without a save; never ends.

    A folder that is replaced by another one of its name is watched anew, once that is there.
    """
    from watchfiles import watch

    is_new = False
    while True:
        what = f"the folder {folder}"
        wait_until(what, lambda: folder.is_dir() or NotYet("it is not there"), timeout_s=A_DAY_S, clock=clock)
        watched = folder.stat().st_ino
        batches = watch(
            folder,
            watch_filter=lambda _, path: _is_of_interest(Path(path).relative_to(folder)),
            debounce=BATCH_MS,
            step=QUIET_MS,
            rust_timeout=TICK_MS,
            yield_on_timeout=True,
        )
        for batch in batches:
            yield _names(batch, folder) | ({f"{folder.name}/"} if is_new else set())
            is_new = False
            if not batch and not (folder.is_dir() and folder.stat().st_ino == watched):
                break
        is_new = True


def _is_of_interest(path: Path) -> bool:
    """Return whether a file is part of a package: not hidden, nobody's cache, no editor's copy."""
    return bool(path.parts) and not any(map(is_left_out, path.parts)) and not EDITORS_OWN.fullmatch(path.name)


def _names(batch: "set[tuple[Change, str]]", folder: Path) -> frozenset[str]:
    """Return the files' names below the folder, without those that came and went at once: a save by way of a copy."""
    from watchfiles import Change

    passing = {path for change, path in batch if change is Change.added and not Path(path).exists()}
    return frozenset(Path(path).relative_to(folder).as_posix() for _, path in batch if path not in passing)
