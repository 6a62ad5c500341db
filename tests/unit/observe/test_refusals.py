"""Why a try has no pod, out of Airflow's audit log."""

from typing import Any

import pytest

from harness.observe.refusals import why_refused
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
    assert why_refused(scene.start(), TaskKey("first", -1, 1)) == reason
