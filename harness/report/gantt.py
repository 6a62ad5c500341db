"""The geometry of a Gantt chart: tries as lines, what their time was spent on as bars, marks across; pure.

Horizontal places are percent of the chart's width, so that the chart fits any window; vertical ones are pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from harness.observe.recorder import Mark
from harness.observe.tries import RUNNING, TryTimeline
from harness.report.records import RunRecord

AXIS_PX = 26
RUN_PX = 26
# How high a line is, by how many there are: a chart of hundreds shows the shape, and names each line on hovering.
LINE_PX = ((30, 22), (80, 15), (10**9, 6))
LABELED_PX = 15
MOST_TICKS = 8
STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
MINUTE_S = 60
GOOD = frozenset({"success", "skipped"})
BAD = frozenset({"failed", "up_for_retry", "upstream_failed"})


@dataclass(frozen=True)
class Bar:
    """A stretch of a line; `kind` is the phase as a CSS class."""

    x: float
    width: float
    kind: str
    title: str


@dataclass(frozen=True)
class Line:
    """A try, or the head of a run, which has no bars."""

    y: int
    height: int
    label: str
    title: str
    outcome: str
    is_run: bool = False
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True)
class Flag:
    """A mark on the chart: its place, its number, when it was in seconds, and its text."""

    x: float
    number: int
    second: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A whole chart; `ticks` are place and text."""

    height: int
    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, str], ...]
    flags: tuple[Flag, ...]
    has_labels: bool


def draw_gantt(runs: Sequence[RunRecord], marks: Sequence[Mark]) -> Chart | None:
    """Return the chart of these runs, or None when nothing happened in them."""
    tries = [(run, run.timelines()) for run in runs]
    moments = [when for _, lines in tries for line in lines for _, when in line.moments]
    if not moments:
        return None
    moments += [mark.when for mark in marks]
    scale = _Scale(min(moments), max(moments))
    line_px = next(px for most, px in LINE_PX if sum(len(lines) for _, lines in tries) <= most)
    y, lines = AXIS_PX, list[Line]()
    for run, timelines in tries:
        title = f"{run.key.dag_id} {run.key.run_id}"
        lines.append(Line(y, RUN_PX, run.key.dag_id, title, outcome_of(run.state), is_run=True))
        y += RUN_PX
        for timeline in timelines:
            lines.append(_line(y, line_px, timeline, scale))
            y += line_px
    flags = [
        Flag(scale.x(mark.when), number, scale.second(mark.when), mark.text)
        for number, mark in enumerate(sorted(marks, key=lambda mark: mark.when), 1)
    ]
    return Chart(y + 4, tuple(lines), tuple(scale.ticks()), tuple(flags), line_px >= LABELED_PX)


def outcome_of(state: str | None) -> str:
    """Return good, bad or open: what the color says of a state."""
    return "good" if state in GOOD else "bad" if state in BAD else "open"


def make_slug(phase: str) -> str:
    """Return a phase as a CSS class."""
    return phase.lower().replace(" ", "-")


def format_seconds(seconds: float) -> str:
    """Return a duration as people read it."""
    if seconds < 0.9995:  # noqa: PLR2004 - what is not a second when rounded
        return f"{1000 * seconds:.0f} ms"
    if seconds < 9.95:  # noqa: PLR2004 - two digits are enough
        return f"{seconds:.1f} s"
    if round(seconds) < MINUTE_S:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), MINUTE_S)
    return f"{minutes} min {rest:02} s"


class _Scale:
    def __init__(self, start: datetime, end: datetime) -> None:
        self._start = start
        self._length_s = max((end - start).total_seconds() * 1.01, 0.1)

    def second(self, when: datetime) -> float:
        return (when - self._start).total_seconds()

    def x(self, when: datetime) -> float:
        return round(100 * self.second(when) / self._length_s, 3)

    def ticks(self) -> list[tuple[float, str]]:
        step = next((step for step in STEPS_S if self._length_s / step <= MOST_TICKS), STEPS_S[-1])
        return [
            (round(100 * number * step / self._length_s, 3), _tick(number * step))
            for number in range(int(self._length_s / step) + 1)
        ]


def _line(y: int, height: int, timeline: TryTimeline, scale: _Scale) -> Line:
    state = timeline.ti.state if timeline.ti else None
    without = "an earlier pod of the try" if timeline.is_earlier else "a pod without a try"
    who = f"{timeline.key}, {state or 'running'}" if timeline.ti else f"{timeline.key}: {without}"
    where = f"pod {timeline.pod.name}" if timeline.pod else "no pod"
    outcome = outcome_of(state)
    bars = [
        Bar(
            scale.x(span.start),
            max(round(scale.x(span.end) - scale.x(span.start), 3), 0.05),
            f"{make_slug(span.phase)} {outcome}",
            f"{who}\n{where}\n{span.phase}: {format_seconds(span.seconds)}",
        )
        for span in timeline.spans()
    ]
    if timeline.at(RUNNING) is None and not bars and timeline.moments:
        bars = [Bar(scale.x(timeline.moments[0][1]), 0.2, f"waits-in-airflow {outcome}", f"{who}\n{where}")]
    return Line(y, height, str(timeline.key), f"{who}\n{where}", outcome, bars=tuple(bars))


def _tick(second: float) -> str:
    if second < MINUTE_S:
        return f"{second:g} s"
    minutes, rest = divmod(round(second), MINUTE_S)
    return f"{minutes}:{rest:02}"
