"""Deletion with grace and eviction: they hit the pod that was meant, or say that they did not."""

import pytest

from harness.faults.deletion import delete_pod, evict_pod
from harness.faults.injection import FaultError

from ..fakes.kubernetes import FakeApiServer, worker_pod
from ..observe.samples import pod


def test_deletion_gives_the_grace(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put("pods", worker_pod("a", phase="Running"))
    with delete_pod(server.client(monkeypatch), pod(name="a", uid="uid-of-a"), grace_period_s=7) as proof:
        assert "gone" in proof
    (request,) = (request for request in server.requests if request.method == "DELETE")
    assert request.body
    assert request.body["gracePeriodSeconds"] == 7
    assert request.body["preconditions"] == {"uid": "uid-of-a"}


def test_eviction_names_the_pod_and_gives_the_grace(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put("pods", worker_pod("a", phase="Running"))
    with evict_pod(server.client(monkeypatch), pod(name="a", uid="uid-of-a"), grace_period_s=3) as proof:
        assert "gone" in proof
    (request,) = (request for request in server.requests if request.method == "POST")
    assert request.path.endswith("/pods/a/eviction")
    assert request.body
    assert request.body["deleteOptions"] == {"gracePeriodSeconds": 3, "preconditions": {"uid": "uid-of-a"}}


def test_deletion_that_does_nothing_is_told(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    made = server.put("pods", worker_pod("a", phase="Running"))
    remove = server.remove

    def remove_and_put_back(plural: str, namespace: str, name: str) -> None:
        remove(plural, namespace, name)
        server.put("pods", made)

    monkeypatch.setattr(server, "remove", remove_and_put_back)
    action = delete_pod(server.client(monkeypatch), pod(name="a", uid="uid-of-a"), grace_period_s=3)
    with pytest.raises(FaultError, match="runs on"), action:
        pass


def test_pod_that_does_not_run_is_not_evicted(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put("pods", worker_pod("a", phase="Succeeded"))
    with (
        pytest.raises(FaultError, match="Succeeded"),
        evict_pod(server.client(monkeypatch), pod(name="a", uid="uid-of-a"), grace_period_s=3),
    ):
        pass
    assert not [request for request in server.requests if request.method == "POST"]
