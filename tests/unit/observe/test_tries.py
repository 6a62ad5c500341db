"""Where the time of a try went."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.observe.events import parse_event
from harness.observe.pod_logs import PodLog
from harness.observe.pods import Condition, ContainerStatus, PhaseChange, WorkerPod, next_version, parse_pod
from harness.observe.tries import PHASES, PodFacts, TryTimeline, pod_facts, total_by_phase, trace_tries
from harness.tools.airflow_records import parse_task_instance

from .samples import at, one_try, pod

RECORDINGS = Path(__file__).parent / "recordings"


def whole_life() -> TryTimeline:
    """Return a try all of whose moments are known; the cluster's times are cut to seconds."""
    made = pod(
        created=1,
        ended=9,
        phases=(PhaseChange("Pending", at(1.3)), PhaseChange("Running", at(3.4)), PhaseChange("Succeeded", at(9.9))),
        conditions=(Condition("PodScheduled", at(1), at(1.4)), Condition("PodReadyToStartContainers", at(2), at(2.9))),
        containers=(ContainerStatus("base", "terminated", "Completed", 0, at(3), at(9)),),
        deleted=at(10.5),
    )
    ti = one_try(scheduled=at(0.2), queued=at(1.1), start=at(6.5), end=at(9.2))
    (timeline,) = trace_tries([ti], [made], lambda uid: {made.uid: PodFacts(at(3.1), at(5.75))}[uid])
    return timeline


def test_moments_are_in_order_and_completed_within_their_second() -> None:
    seconds = [(name, (when - at(0)) / timedelta(seconds=1)) for name, when in whole_life().moments]
    assert seconds == [
        ("scheduled", 0.2),
        ("queued", 1.1),
        ("pod created", 1.3),
        ("pod bound", 1.4),
        ("sandbox ready", 2.9),
        ("image ready", 3.1),
        ("container started", 3.4),
        ("worker imported", 5.75),
        ("running", 6.5),
        ("ended", 9.2),
        ("pod finished", 9.2),
        ("pod gone", 10.5),
    ]


def test_spans_fill_the_time_without_holes() -> None:
    spans = whole_life().spans()
    assert [(span.phase, round(span.seconds, 2)) for span in spans] == [
        ("waits in Airflow", 1.1),
        ("waits for a node", 0.1),
        ("pod starts", 2.0),
        ("imports Airflow", 2.35),
        ("reports to Airflow", 0.75),
        ("runs", 2.7),
        ("is removed", 1.3),
    ]
    assert all(first.end == second.start for first, second in pairwise(spans))
    assert {span.phase for span in spans} <= set(PHASES)


def test_time_that_came_late_stays_as_the_cluster_has_it() -> None:
    late = pod(created=1, phases=(PhaseChange("Pending", at(7)),), containers=(), deleted=None)
    (timeline,) = trace_tries([], [late])
    assert timeline.moments == (("pod created", at(1)),)
    assert timeline.spans() == []


def test_dead_pod_that_airflow_does_not_know_of_is_unnoticed() -> None:
    dead = pod(created=0, ended=5, deleted=at(6))
    (timeline,) = trace_tries([one_try(start=at(3), end=at(30), state="up_for_retry")], [dead])
    assert [(span.phase, span.seconds) for span in timeline.spans()][-2:] == [("runs", 2), ("unnoticed", 25)]


def test_force_deleted_pod_has_no_end_of_its_own() -> None:
    gone = pod(containers=(ContainerStatus("base", "running", started=at(1)),), deleted=at(5))
    (timeline,) = trace_tries([one_try(start=at(3), end=at(7))], [gone])
    assert timeline.at("pod finished") is None
    assert timeline.spans()[-1].phase == "unnoticed"


def test_try_that_goes_on_is_known_until_airflow_was_asked() -> None:
    alive = pod(containers=(ContainerStatus("base", "running", started=at(1)),), deleted=None)
    (timeline,) = trace_tries([one_try(start=at(3), end=None, state="running")], [alive], asked=at(10))
    assert [(span.phase, span.seconds) for span in timeline.spans()][-1] == ("runs", 7)


def test_pod_that_ended_after_airflow_was_asked_is_not_unnoticed() -> None:
    tries = [one_try(start=at(3), end=None, state="running")]
    (timeline,) = trace_tries(tries, [pod(ended=12, deleted=at(14))], asked=at(10))
    assert [(span.phase, span.seconds) for span in timeline.spans()][-2:] == [("runs", 9), ("is removed", 2)]
    (timeline,) = trace_tries(tries, [pod(ended=5, deleted=at(6))], asked=at(10))
    assert [(span.phase, span.seconds) for span in timeline.spans()][-2:] == [("runs", 2), ("unnoticed", 5)]


def test_pods_and_tries_that_lack_each_other_are_lines_too() -> None:
    tries = [one_try("a"), one_try("b")]
    pods = [pod("a", name="first", created=1), pod("a", name="pod-a--1-1", created=2), pod("c", created=3)]
    seen = [(str(t.key), t.ti is not None, t.pod.name if t.pod else "") for t in trace_tries(tries, pods)]
    assert seen == [
        ("a try 1", True, "pod-a--1-1"),
        ("a try 1", False, "first"),
        ("b try 1", True, ""),
        ("c try 1", False, "pod-c--1-1"),
    ]


def test_tries_of_a_task_stay_together() -> None:
    tries = [one_try("a", queued=at(0)), one_try("b", queued=at(1)), one_try("a", 2, queued=at(30), start=None)]
    assert [str(t.key) for t in trace_tries(tries, [])] == ["a try 1", "a try 2", "b try 1"]


def test_try_that_nothing_is_known_of_is_last() -> None:
    nothing = one_try("z", queued=None, start=None, end=None, hostname="")
    assert [t.key.task_id for t in trace_tries([nothing, one_try("a")], [])] == ["a", "z"]


def test_seconds_of_each_phase_add_up() -> None:
    totals = total_by_phase([whole_life(), whole_life()])
    assert totals["pod starts"] == [pytest.approx(2.0)] * 2
    assert "unnoticed" not in totals


def replay(dag_id: str) -> dict[str, TryTimeline]:
    """Return the tries of a recorded run: what the watches brought, and what Airflow said of it afterwards."""
    recording: dict[str, Any] = json.loads((RECORDINGS / "faults.json").read_text())
    pods: dict[str, WorkerPod] = {}
    for change in recording["pods"]:
        pod = parse_pod(change["object"], datetime.fromisoformat(change["seen"]))
        pods[pod.uid] = next_version(pods.get(pod.uid), pod)
        if change["type"] == "DELETED":
            pods[pod.uid] = replace(pods[pod.uid], deleted=datetime.fromisoformat(change["seen"]))
    events = [parse_event(event["object"], datetime.fromisoformat(event["seen"])) for event in recording["events"]]

    def facts(uid: str) -> PodFacts:
        began = recording["first_lines"].get(uid)
        log = PodLog(first_line=datetime.fromisoformat(began)) if began else None
        return pod_facts([event for event in events if event.about_uid == uid], log)

    tries = [ti for ti in map(parse_task_instance, recording["tries"]) if ti.dag_id == dag_id]
    own = [pod for pod in pods.values() if pod.dag_id == dag_id]
    return {str(timeline.key): timeline for timeline in trace_tries(tries, own, facts)}


def test_recorded_hard_exit_is_unnoticed_until_heartbeat_timeout() -> None:
    tries = replay("e2e_hard_exit")
    assert sorted(tries) == ["bystander try 1", "victim try 1", "victim try 2"]
    victim = tries["victim try 1"]
    assert [name for name, _ in victim.moments] == [
        "scheduled",
        "queued",
        "pod created",
        "pod bound",
        "sandbox ready",
        "image ready",
        "container started",
        "worker imported",
        "running",
        "pod finished",
        "pod gone",
        "ended",
    ]
    seconds = {span.phase: round(span.seconds, 1) for span in victim.spans()}
    assert seconds["unnoticed"] == 32.2
    assert seconds["imports Airflow"] == 2.6
    again = tries["victim try 2"]
    assert again.moments[0][1] > victim.moments[-1][1]
    assert "unnoticed" not in {span.phase for span in again.spans()}


def test_recorded_force_deletion_is_noticed_at_once() -> None:
    victim = replay("e2e_force_delete")["victim try 1"]
    assert victim.at("pod finished") is None
    last = victim.spans()[-1]
    assert (last.phase, last.seconds < 1) == ("unnoticed", True)


def test_pod_before_a_deferral_is_an_earlier_one_of_its_try() -> None:
    pods = [pod(name="first", ended=4), pod(name="then", created=10), pod("stranger")]
    lines = trace_tries([one_try(hostname="then")], pods)
    assert [(line.pod.name, line.ti is None, line.is_earlier) for line in lines if line.pod] == [
        ("pod-stranger--1-1", True, False),
        ("then", False, False),
        ("first", True, True),
    ]
