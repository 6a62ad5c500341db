"""Preemption: the pod that needs the room asks for what is free and what the victim has, and goes afterwards."""

from typing import Any

import pytest

from harness.faults.injection import FaultError
from harness.faults.preemption import NAME, REASON, preempt_pod
from harness.tools import Json
from harness.waiting import WaitTimeoutError

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer, worker_pod
from ..observe.samples import pod

POD = ("pods", "tools", NAME)
CLASS = ("priorityclasses", "", NAME)


def running(name: str, cpu: str, phase: str = "Running") -> Json:
    made = worker_pod(name, phase=phase)
    made["spec"] = {
        "nodeName": "node-1",
        "containers": [{"name": "base", "image": "it", "resources": {"requests": {"cpu": cpu}}}],
    }
    return made


@pytest.fixture(autouse=True)
def node(server: FakeApiServer) -> None:
    server.put("nodes", {"metadata": {"name": "node-1"}, "status": {"allocatable": {"cpu": "2"}}})
    server.put("pods", running("victim", "100m"))
    server.put("pods", running("other", "0.25"))
    server.put("pods", running("over", "1", phase="Succeeded"))


def act(kubernetes: Any) -> Any:
    return preempt_pod(
        kubernetes, pod(name="victim", uid="uid-of-victim", node="node-1"), "dev", clock=FakeTime().clock
    )


def test_preemptor_asks_for_free_room_and_the_victim_s_and_goes(
    server: FakeApiServer, kubernetes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = server.put

    def put_and_choose(plural: str, item: Json) -> Json:
        if item["metadata"]["name"] == NAME and plural == "pods":
            chosen = running("victim", "100m")
            chosen["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": REASON}]
            put("pods", chosen)
        return put(plural, item)

    monkeypatch.setattr(server, "put", put_and_choose)
    with act(kubernetes) as proof:
        assert "1750 m CPU" in proof
        made = server.objects[POD]["spec"]
        assert made["containers"][0]["resources"]["requests"] == {"cpu": "1750m"}
        assert made["containers"][0]["image"] == "it"
        assert made["nodeSelector"] == {"kubernetes.io/hostname": "node-1"}
        assert server.objects[CLASS]["value"] == 1_000_000
    assert POD not in server.objects
    assert CLASS not in server.objects


def test_victim_that_is_not_chosen_is_no_fault(server: FakeApiServer, kubernetes: Any) -> None:
    with pytest.raises(WaitTimeoutError, match="pod victim: Running"), act(kubernetes):
        pytest.fail("the block must not run")
    assert POD not in server.objects


def test_victim_that_is_over_is_no_fault(server: FakeApiServer, kubernetes: Any) -> None:
    server.put("pods", running("victim", "100m", phase="Succeeded"))
    with pytest.raises(FaultError, match="Succeeded"), act(kubernetes):
        pytest.fail("the block must not run")
    assert CLASS not in server.objects
