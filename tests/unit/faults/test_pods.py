"""Forced deletion: it hits the pod that was meant, while it runs, or says that it did not."""

import pytest

from harness.faults.injection import FaultError
from harness.faults.pods import force_delete_pod
from harness.waiting import WaitTimeoutError

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer, worker_pod
from ..observe.samples import pod


def delete(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch, uid: str = "uid-of-a") -> None:
    kubernetes = server.client(monkeypatch)
    with force_delete_pod(kubernetes, pod(name="a", uid=uid), clock=FakeTime().clock) as proof:
        assert proof


def test_running_pod_goes_without_grace(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put("pods", worker_pod("a", phase="Running"))
    delete(server, monkeypatch)
    assert not server.objects
    (request,) = (request for request in server.requests if request.method == "DELETE")
    assert request.body
    assert request.body["gracePeriodSeconds"] == 0
    assert request.body["preconditions"] == {"uid": "uid-of-a"}


@pytest.mark.parametrize("phase", ["Pending", "Succeeded"])
def test_pod_that_does_not_run_is_no_victim(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch, phase: str) -> None:
    server.put("pods", worker_pod("a", phase=phase))
    with pytest.raises(FaultError, match=phase):
        delete(server, monkeypatch)
    assert server.objects


def test_other_pod_of_the_name_is_left_alone(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put("pods", worker_pod("a", phase="Running"))
    with pytest.raises(FaultError, match="no pod tools/a with UID older"):
        delete(server, monkeypatch, uid="older")
    assert server.objects


def test_pod_that_stays_is_told(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    pod = server.put("pods", worker_pod("a", phase="Running"))
    remove = server.remove

    def remove_and_put_back(plural: str, namespace: str, name: str) -> None:
        remove(plural, namespace, name)
        server.put("pods", pod)

    monkeypatch.setattr(server, "remove", remove_and_put_back)
    with pytest.raises(WaitTimeoutError, match="still there"):
        delete(server, monkeypatch)
