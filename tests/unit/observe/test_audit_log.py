"""Airflow's audit log: the pods that a try began in, and why a try has none."""

from typing import Any

import pytest

from harness.observe.audit_log import find_refusal, find_starts
from harness.tools.airflow_records import TaskKey

from ..fakes.run_scene import RunScene

REFUSED = (
    'Extra info: (403)\nReason: Forbidden\nHTTP response body: {"code":403,"message":"pods \\"a\\" is forbidden"}\n'
)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> RunScene:
    return RunScene(monkeypatch)


def line(extra: str, **others: Any) -> dict[str, Any]:
    return {"event": "state mismatch", "task_id": "first", "map_index": -1, "try_number": 1, "extra": extra} | others


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([line(REFUSED)], 'pods "a" is forbidden'),
        ([line(REFUSED, map_index=None)], 'pods "a" is forbidden'),
        ([line(REFUSED, try_number=2)], ""),
        ([line(REFUSED, map_index=0)], ""),
        ([line(REFUSED, task_id="then")], ""),
        ([line("Extra info: the pod failed")], ""),
        ([], ""),
    ],
    ids=[
        "refused",
        "no map index",
        "another try",
        "a mapped one",
        "another task",
        "no answer of Kubernetes",
        "no line",
    ],
)
def test_reason_is_kubernetes_answer_to_this_try(scene: RunScene, lines: list[dict[str, Any]], reason: str) -> None:
    scene.airflow.answers["/api/v2/eventLogs"] = {"event_logs": lines, "total_entries": len(lines)}
    run = scene.start()
    assert find_refusal(run.airflow, run.dag_id, run.run_id, TaskKey("first", -1, 1)) == reason


def test_starts_are_the_pods_that_a_try_began_in(scene: RunScene) -> None:
    lines = [
        line('{"host_name": "a"}', event="running"),
        line('{"host_name": "b"}', event="running"),
        line('{"host_name": "c"}', event="running", map_index=None, task_id="then"),
        line("", event="running", try_number=2),
    ]
    scene.airflow.answers["/api/v2/eventLogs"] = {"event_logs": lines, "total_entries": len(lines)}
    run = scene.start()
    starts = find_starts(run.airflow, run.dag_id, run.run_id)
    assert starts == {TaskKey("first", -1, 1): ["a", "b"], TaskKey("then", -1, 1): ["c"]}
    assert scene.airflow.requests[-1].url.params["event"] == "running"
