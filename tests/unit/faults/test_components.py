"""Faults of components: the one that was meant goes, and the block ends when all are back."""

from typing import Any

import pytest

from harness.faults.components import delete_component, scale_to_zero
from harness.faults.injection import FaultError
from harness.tools import Json
from harness.waiting import WaitTimeoutError

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer


def component_pod(uid: str, ready: str = "True") -> Json:
    return {
        "metadata": {
            "name": f"scheduler-{uid}",
            "namespace": "tools",
            "uid": uid,
            "labels": {"app.kubernetes.io/component": "scheduler"},
        },
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize(("by_force", "grace"), [(True, 0), (False, None)])
def test_pod_goes_and_the_block_ends_when_the_next_is_ready(
    server: FakeApiServer, kubernetes: Any, by_force: bool, grace: int | None
) -> None:
    server.put("pods", component_pod("old"))
    time = FakeTime()
    with delete_component(kubernetes, "tools", "scheduler", by_force=by_force, clock=time.clock) as proof:
        assert "old" in proof
        server.put("pods", component_pod("new", ready="False"))
        time.at(time.seconds + 20, lambda: server.put("pods", component_pod("new")))
    assert time.seconds >= 20
    (request,) = (request for request in server.requests if request.method == "DELETE")
    assert request.body
    assert request.body.get("gracePeriodSeconds") == grace


@pytest.mark.parametrize("uids", [[], ["a", "b"]])
def test_fault_wants_one_pod(server: FakeApiServer, kubernetes: Any, uids: list[str]) -> None:
    for uid in uids:
        server.put("pods", component_pod(uid))
    with (
        pytest.raises(FaultError, match=f"{len(uids)} pods of scheduler"),
        delete_component(kubernetes, "tools", "scheduler", by_force=True),
    ):
        pytest.fail("the block must not run")


def test_component_that_stays_away_is_told_also_after_an_error(server: FakeApiServer, kubernetes: Any) -> None:
    server.put("pods", component_pod("old"))
    with (
        pytest.raises(WaitTimeoutError, match="no other pod"),
        delete_component(kubernetes, "tools", "scheduler", by_force=True, clock=FakeTime().clock),
    ):
        raise RuntimeError


def test_component_is_scaled_away_and_back(server: FakeApiServer, kubernetes: Any) -> None:
    labels = {"app.kubernetes.io/component": "scheduler"}
    deployment = {"metadata": {"name": "it", "namespace": "tools", "labels": labels}, "spec": {"replicas": 2}}
    server.put("deployments", deployment)
    server.put("pods", component_pod("old"))
    time = FakeTime()
    time.at(5, lambda: server.remove("pods", "tools", "scheduler-old"))
    with scale_to_zero(kubernetes, "tools", "scheduler", clock=time.clock) as proof:
        assert "no pod" in proof
        assert server.objects["deployments", "tools", "it"]["spec"]["replicas"] == 0
        server.put("pods", component_pod("new"))
    assert server.objects["deployments", "tools", "it"]["spec"]["replicas"] == 2


def test_component_without_a_deployment_cannot_be_scaled_away(kubernetes: Any) -> None:
    with (
        pytest.raises(FaultError, match="0 Deployments of scheduler"),
        scale_to_zero(kubernetes, "tools", "scheduler", clock=FakeTime().clock),
    ):
        pytest.fail("the block must not run")
