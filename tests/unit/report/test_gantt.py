"""The chart's geometry."""

from itertools import pairwise

import pytest

from harness.observe.recorder import Mark
from harness.report.gantt import Chart, draw_gantt, format_seconds
from harness.report.records import PodRecord, RunKey, RunRecord

from ..observe.samples import at, one_try, pod
from .samples import run_of


def chart_of(*runs: RunRecord, marks: tuple[Mark, ...] = ()) -> Chart:
    chart = draw_gantt(runs, marks)
    assert chart
    return chart


def test_lines_are_runs_and_their_tries_one_below_the_other() -> None:
    chart = chart_of(run_of("a", pods=2, retry=True), run_of("b"))
    assert [(line.label, line.is_run, line.outcome) for line in chart.lines] == [
        ("a", True, "good"),
        ("work[0] try 1", False, "bad"),
        ("work[0] try 2", False, "good"),
        ("work[1] try 1", False, "good"),
        ("b", True, "good"),
        ("work[0] try 1", False, "good"),
    ]
    places = [(line.y, line.height) for line in chart.lines]
    assert all(y + height == below for (y, height), (below, _) in pairwise(places))
    assert chart.height >= sum(places[-1])


def test_bars_follow_each_other_within_the_chart() -> None:
    chart = chart_of(run_of("a"))
    bars = chart.lines[1].bars
    assert bars[0].x == 0
    assert [bar.kind for bar in bars][-2:] == ["exits good", "is-removed good"]
    assert all(bar.x + bar.width == pytest.approx(after.x, abs=0.01) for bar, after in pairwise(bars))
    assert 97 < bars[-1].x + bars[-1].width <= 100
    assert bars[0].title == "work[0] try 1, success\npod pod-work-0-1\nwaits in Airflow: 700 ms"


def test_marks_are_numbered_in_order_and_widen_the_chart() -> None:
    chart = chart_of(run_of("a"), marks=(Mark(at(99.5), "late"), Mark(at(4.5), "early")))
    assert [(flag.number, flag.second, flag.text) for flag in chart.flags] == [(1, 5.0, "early"), (2, 100.0, "late")]
    assert chart.flags[1].x == pytest.approx(99, abs=0.1)


@pytest.mark.parametrize(("pods", "has_labels"), [(1, True), (30, True), (80, True), (81, False), (200, False)])
def test_many_lines_are_low_ones_without_names(pods: int, has_labels: bool) -> None:
    chart = chart_of(run_of("a", pods=pods))
    assert chart.has_labels is has_labels
    assert chart.height < 1300


@pytest.mark.parametrize(("later_s", "last"), [(0, "10 s"), (60, "1:10"), (4000, "60:00")])
def test_ticks_are_few_and_round(later_s: int, last: str) -> None:
    chart = chart_of(run_of("a"), run_of("b", start=later_s))
    assert 2 <= len(chart.ticks) <= 9
    assert chart.ticks[0] == (0.0, "0 s")
    assert chart.ticks[-1][0] <= 100
    assert chart.ticks[-1][1] == last


def test_pod_without_a_try_and_try_without_a_pod_are_seen() -> None:
    run = RunRecord(RunKey("a", "r"), "running", tries=[one_try("b", state=None, queued=at(1), start=None, end=None)])
    run.pods = [PodRecord(pod("c"))]
    titles = [line.title for line in chart_of(run).lines]
    assert titles[1:] == ["c try 1: a pod without a try\npod pod-c--1-1", "b try 1, running\nno pod"]
    assert chart_of(run).lines[2].bars


def test_nothing_that_happened_is_no_chart() -> None:
    assert draw_gantt([], [Mark(at(1), "x")]) is None
    assert draw_gantt([RunRecord(RunKey("a", "r"))], []) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0416, "42 ms"),
        (0.9996, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
