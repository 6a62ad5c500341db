"""Where the time of each try went: its moments, by the cluster's and Airflow's own clocks, and what filled the time.

Kubernetes cuts its times to whole seconds, Airflow's have microseconds. A time that was cut is completed by when the
watch brought it, if that was in the same second, and never lies before what must have come first.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from harness.observe.events import ClusterEvent
from harness.observe.pod_logs import PodLog
from harness.observe.pods import WorkerPod
from harness.tools.airflow_records import TaskInstance, TaskKey

CUT = timedelta(seconds=1)

# Each moment, in the order of a life without accidents, and what the time after it is spent on.
SCHEDULED, QUEUED = "scheduled", "queued"
CREATED, BOUND, SANDBOX, IMAGE = "pod created", "pod bound", "sandbox ready", "image ready"
STARTED, IMPORTED = "container started", "worker imported"
RUNNING, ENDED, FINISHED, GONE = "running", "ended", "pod finished", "pod gone"
# When Airflow was last asked about a try that had not ended.
ASKED = "last asked"
AFTER = {
    SCHEDULED: "waits in Airflow",
    QUEUED: "waits in Airflow",
    CREATED: "waits for a node",
    BOUND: "pod starts",
    SANDBOX: "pod starts",
    IMAGE: "pod starts",
    STARTED: "imports Airflow",
    IMPORTED: "reports to Airflow",
    RUNNING: "runs",
    ASKED: "runs",
    ENDED: "exits",
    FINISHED: "is removed",
    GONE: "is removed",
}
ORDER = list(AFTER)
UNNOTICED = "unnoticed"
PHASES = (*dict.fromkeys(AFTER.values()), UNNOTICED)


@dataclass(frozen=True)
class Span:
    """What a stretch of time was spent on, one of `PHASES`."""

    phase: str
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Return its length."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class PodFacts:
    """What is known of a pod beside its object: when its image was ready, and when its log began.

    The first line is written after `import airflow`.
    """

    image_ready: datetime | None = None
    first_line: datetime | None = None


NO_FACTS = PodFacts()


def pod_facts(events: Iterable[ClusterEvent], log: PodLog | None) -> PodFacts:
    """Read the facts from the pod's Events and log."""
    pulled = [_complete(event.last, event.seen) for event in events if event.reason == "Pulled"]
    return PodFacts(max(pulled, default=None), log.first_line if log else None)


@dataclass(frozen=True)
class TryTimeline:
    """One try and its pod; a try without a pod and a pod without a try have one of them only.

    `is_earlier` is a pod without a try that a try of the same key was in before it was deferred or rescheduled.
    """

    key: TaskKey
    ti: TaskInstance | None
    pod: WorkerPod | None
    moments: tuple[tuple[str, datetime], ...]
    is_earlier: bool = False

    def at(self, name: str) -> datetime | None:
        """Return when a moment was, None when it never came."""
        return dict(self.moments).get(name)

    def spans(self) -> list[Span]:
        """Return what the time between the moments was spent on, stretches of one phase joined."""
        spans: list[Span] = []
        has_ended = False
        for (name, start), (_, end) in pairwise(self.moments):
            has_ended = has_ended or name in (ENDED, ASKED)
            phase = _phase(name, is_waited_for=self.ti is not None and self.ti.start is not None and not has_ended)
            if spans and spans[-1].phase == phase:
                spans[-1] = Span(phase, spans[-1].start, end)
            elif end > start:
                spans.append(Span(phase, start, end))
        return spans


def trace_tries(
    tries: Sequence[TaskInstance],
    pods: Sequence[WorkerPod],
    facts: Callable[[str], PodFacts] = lambda _: NO_FACTS,
    asked: datetime | None = None,
) -> list[TryTimeline]:
    """Return each try with its pod, each pod without a try and each try without a pod.

    Tasks come in the order of their begin, the tries of a task together.
    `facts` returns what is known of the pod with a UID. `asked` is when Airflow told the tries: one without an end is
    known to have gone on until then.
    """
    timelines: list[TryTimeline] = []
    left: dict[TaskKey, list[WorkerPod]] = {}
    for pod in pods:
        left.setdefault(pod.key, []).append(pod)
    for ti in tries:
        own = left.get(ti.key, [])
        # A try that was deferred has had several pods, and ran last in the one that it names.
        mine = next((pod for pod in own if pod.name == ti.hostname), own[-1] if own else None)
        if mine:
            own.remove(mine)
        timelines.append(_timeline(ti, mine, facts, asked))
    known = {ti.key for ti in tries}
    timelines += [
        replace(_timeline(None, pod, facts, None), is_earlier=key in known) for key, own in left.items() for pod in own
    ]
    begins: dict[tuple[str, int], datetime] = {}
    for timeline in sorted(timelines, key=_begin):
        begins.setdefault(_task(timeline), _begin(timeline))
    return sorted(timelines, key=lambda one: (begins[_task(one)], _task(one), one.key.try_number, _begin(one)))


def _timeline(
    ti: TaskInstance | None, pod: WorkerPod | None, facts: Callable[[str], PodFacts], asked: datetime | None
) -> TryTimeline:
    found: dict[str, datetime] = {}
    if ti:
        found |= _known({SCHEDULED: ti.scheduled, QUEUED: ti.queued, RUNNING: ti.start, ENDED: ti.end})
        if found and ti.end is None:
            found |= _known({ASKED: asked})
    if pod:
        found |= _pod_moments(pod, facts(pod.uid), found)
    moments = tuple(sorted(found.items(), key=lambda item: (item[1], ORDER.index(item[0]))))
    key = pod.key if pod else ti.key if ti else TaskKey("", -1, 0)
    return TryTimeline(key, ti, pod, moments)


def _pod_moments(pod: WorkerPod, facts: PodFacts, airflow: dict[str, datetime]) -> dict[str, datetime]:
    scheduled, sandbox = pod.condition("PodScheduled"), pod.condition("PodReadyToStartContainers")
    started = [one.started for one in pod.containers if one.started]
    finished = [one.finished for one in pod.containers if one.finished]
    running = next((change.seen for change in pod.phases if change.phase == "Running"), None)
    one_after_the_other = {
        CREATED: _complete(pod.created, pod.phases[0].seen),
        BOUND: _complete(scheduled.since, scheduled.seen) if scheduled else None,
        SANDBOX: _complete(sandbox.since, sandbox.seen) if sandbox else None,
        IMAGE: facts.image_ready,
        STARTED: _complete(max(started), running) if started else None,
    }
    moments: dict[str, datetime] = {}
    before = airflow.get(QUEUED)
    for name, when in _known(one_after_the_other).items():
        moments[name] = before = _not_before(when, before)
    end = _not_before(max(finished), airflow.get(ENDED)) if finished else None
    return moments | _known({IMPORTED: facts.first_line, FINISHED: end, GONE: pod.deleted})


def _phase(name: str, *, is_waited_for: bool) -> str:
    """Return what comes after a moment; a pod whose end Airflow does not know yet is unnoticed."""
    return UNNOTICED if name in (FINISHED, GONE) and is_waited_for else AFTER[name]


def _complete(cut: datetime, seen: datetime | None) -> datetime:
    return seen if seen is not None and cut <= seen < cut + CUT else cut


def _not_before(when: datetime, earlier: datetime | None) -> datetime:
    return earlier if earlier is not None and when < earlier < when + CUT else when


def _known(moments: dict[str, datetime | None]) -> dict[str, datetime]:
    return {name: when for name, when in moments.items() if when is not None}


def _begin(timeline: TryTimeline) -> datetime:
    return timeline.moments[0][1] if timeline.moments else datetime.max.replace(tzinfo=UTC)


def _task(timeline: TryTimeline) -> tuple[str, int]:
    return timeline.key.task_id, timeline.key.map_index


def total_by_phase(timelines: Iterable[TryTimeline]) -> dict[str, list[float]]:
    """Return for each phase that occurred the seconds that each try spent in it."""
    seconds: dict[str, list[float]] = {}
    for timeline in timelines:
        for phase in PHASES:
            spent = [span.seconds for span in timeline.spans() if span.phase == phase]
            if spent:
                seconds.setdefault(phase, []).append(sum(spent))
    return seconds
