"""The faults of a test: what was injected, how it is known to have acted, and when all was well again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime

from harness.errors import HarnessError
from harness.observe.recorder import PodRecorder
from harness.observe.runs import Run
from harness.waiting import utc_now


class FaultError(HarnessError):
    """A fault did not act, or was not undone, so what a test saw after it proves nothing."""


@dataclass
class Injection:
    """One fault; `proof` says how it is known to have acted, and is empty until it is.

    `run` is the one that it hits, if it hits one alone.
    """

    fault: str
    injected: datetime
    proof: str = ""
    run: Run | None = None
    recovered: datetime | None = None

    @property
    def recovery_s(self) -> float | None:
        """Return the seconds from the injection to the recovery that a test has noted, None when it noted none."""
        return (self.recovered - self.injected).total_seconds() if self.recovered else None


class Faults:
    """Injects the faults of one test, marks them in the recording, and remembers them for the report."""

    def __init__(self, recorder: PodRecorder, *, now: Callable[[], datetime] = utc_now) -> None:
        self._recorder = recorder
        self._now = now
        self.injections: list[Injection] = []

    @contextmanager
    def __call__(
        self, name: str, action: AbstractContextManager[str], *, run: Run | None = None
    ) -> Iterator[Injection]:
        """Do `action` for the length of the block; what it yields is the proof that it acted.

        Name the `run` that it hits when the test's fixtures have others, too: the report then counts that one alone.
        Raises FaultError when the proof is empty.
        """
        injection = Injection(name, self._now(), run=run)
        self.injections.append(injection)
        with action as proof:
            if not proof:
                raise FaultError(f"nothing proves that this fault acted: {name}")
            injection.proof = proof
            self._recorder.mark(f"{name}: {proof}", when=injection.injected)
            yield injection

    def note(self, name: str, proof: str, when: datetime | None, *, run: Run | None = None) -> Injection:
        """Note a fault that a DAG's own code did at `when`, proven by what was seen of its pod.

        Raises FaultError when the proof is empty or there is no time.
        """
        if not proof or when is None:
            raise FaultError(f"nothing proves that this fault acted: {name}")
        injection = Injection(name, when, proof, run)
        self.injections.append(injection)
        self._recorder.mark(f"{name}: {proof}", when=when)
        return injection

    def note_recovery(self, injection: Injection) -> None:
        """Note that all is well again now."""
        injection.recovered = self._now()

    def check_acted(self) -> None:
        """Raise FaultError unless there was a fault, and each is known to have acted."""
        silent = [one.fault for one in self.injections if not one.proof]
        if silent or not self.injections:
            raise FaultError(f"nothing proves that these faults acted: {', '.join(silent) or 'none was injected'}")
