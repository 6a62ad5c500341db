"""What a report is made of: a session, its tests, and the DAG runs that they looked at."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from harness.errors import Party
from harness.faults.injection import Injection
from harness.observe.events import ClusterEvent
from harness.observe.follower import Gap
from harness.observe.pod_logs import PodLog
from harness.observe.pods import WorkerPod
from harness.observe.recorder import Mark
from harness.observe.tries import NO_FACTS, PodFacts, TryTimeline, pod_facts, trace_tries
from harness.tools.airflow_records import TaskInstance

Verdict = Literal["failed", "error", "interrupted", "xpassed", "not run", "skipped", "xfailed", "passed"]
# The worst first. The first four are red.
VERDICTS: tuple[Verdict, ...] = (
    "failed",
    "error",
    "interrupted",
    "xpassed",
    "not run",
    "skipped",
    "xfailed",
    "passed",
)
RED = frozenset(VERDICTS[:4])


@dataclass(frozen=True)
class Failure:
    """How a phase (setup, call, teardown) of a test failed: in one line, as pytest tells it, and whose matter it is."""

    phase: str
    line: str
    text: str
    party: Party = "product"


@dataclass(frozen=True)
class Image:
    """A screenshot that a test took."""

    title: str
    png: bytes


@dataclass(frozen=True)
class RunKey:
    """Which DAG run."""

    dag_id: str
    run_id: str


@dataclass(frozen=True)
class PodRecord:
    """A pod, its Events and its last lines."""

    pod: WorkerPod
    events: list[ClusterEvent] = field(default_factory=list)
    log: PodLog | None = None


@dataclass
class RunRecord:
    """A DAG run as Airflow, last `asked` then, and the recorder had it; `problem` is why one of them could not tell."""

    key: RunKey
    state: str = ""
    tries: list[TaskInstance] = field(default_factory=list)
    pods: list[PodRecord] = field(default_factory=list)
    problem: str = ""
    asked: datetime | None = None

    def timelines(self) -> list[TryTimeline]:
        """Return where the time of each try went."""
        facts: dict[str, PodFacts] = {one.pod.uid: pod_facts(one.events, one.log) for one in self.pods}
        pods = [one.pod for one in self.pods]
        return trace_tries(self.tries, pods, lambda uid: facts.get(uid, NO_FACTS), self.asked)


@dataclass
class Case:
    """One test: `outcomes` by phase as pytest has them, `seconds` by phase, `runs` in the order of their start."""

    nodeid: str
    start: datetime | None = None
    end: datetime | None = None
    outcomes: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    is_expected_to_fail: bool = False
    reason: str = ""
    sections: list[tuple[str, str]] = field(default_factory=list)
    properties: list[tuple[str, object]] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    runs: list[RunKey] = field(default_factory=list)
    injections: list[Injection] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def begin_attempt(self) -> None:
        """Begin again, as a plugin that repeats failed tests does: the last attempt counts, what was before is told."""
        if self.outcomes:
            self.problems += [f"An attempt before failed: {failure.line}" for failure in self.failures]
            self.outcomes, self.failures = {}, []

    @property
    def title(self) -> str:
        """Return the test's name as a sentence."""
        name, bracket, parameters = self.nodeid.partition("::")[2].partition("[")
        name = name.rpartition("::")[2]
        return f"{name.removeprefix('test_').replace('_', ' ')}{' ' if bracket else ''}{bracket}{parameters}"

    @property
    def file(self) -> str:
        """Return the file that the test is in."""
        return self.nodeid.partition("::")[0]

    @property
    def verdict(self) -> Verdict:
        """Return the one word for the whole test."""
        call = self.outcomes.get("call", "")
        if call == "failed":
            return "failed"
        if "failed" in self.outcomes.values():
            return "error"
        if "skipped" in self.outcomes.values():
            return "xfailed" if self.is_expected_to_fail else "skipped"
        if call == "passed":
            return "xpassed" if self.is_expected_to_fail else "passed"
        return "interrupted" if self.start else "not run"


@dataclass
class Session:
    """All tests of a session, each DAG run once, and what was marked; `facts` name the environment.

    `gaps` are times without a watch on the pods, `outages` those in which a wait had no answer from Airflow's API.
    """

    start: datetime
    end: datetime | None = None
    name: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    runs: dict[RunKey, RunRecord] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    outages: list[Gap] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def runs_of(self, case: Case) -> list[RunRecord]:
        """Return the runs that a test looked at."""
        return [self.runs[key] for key in case.runs]

    def marks_of(self, case: Case) -> list[Mark]:
        """Return what was marked while a test ran."""
        if case.start is None:
            return []
        end = case.end or self.end
        return [mark for mark in self.marks if case.start <= mark.when and (end is None or mark.when <= end)]

    def timelines(self) -> Iterator[TryTimeline]:
        """Yield the tries of all runs."""
        for run in self.runs.values():
            yield from run.timelines()
