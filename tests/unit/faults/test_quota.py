"""A full namespace: the quota is that of the pods that are there, it is seen to be used up, and it goes."""

import pytest

from harness.faults.quota import NAME, exhaust_quota
from harness.waiting import WaitTimeoutError

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer, worker_pod


@pytest.fixture
def server() -> FakeApiServer:
    made = FakeApiServer()
    made.put("pods", worker_pod("a", phase="Running"))
    made.put("pods", worker_pod("b", phase="Succeeded"))
    return made


def test_quota_that_is_not_counted_is_no_fault_and_goes(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    action = exhaust_quota(server.client(monkeypatch), "tools", "dev", clock=FakeTime().clock)
    with pytest.raises(WaitTimeoutError, match="None of 1 pods"), action:
        pytest.fail("the block must not run")
    assert [request.method for request in server.requests if NAME in request.path][-1] == "DELETE"
