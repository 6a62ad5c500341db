"""The recorder: it misses no pod, whatever happens to its watch."""

import pytest
import urllib3

from harness.errors import HarnessError
from harness.observe import recorder as module
from harness.observe.recorder import PodRecorder
from harness.tools.k8s import KubernetesError
from harness.waiting import NotYet, wait_until

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer, Response, worker_pod


@pytest.fixture
def recorder(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> PodRecorder:
    return PodRecorder(server.client(monkeypatch), "tools", clock=FakeTime().clock)


def wait_for(recorder: PodRecorder, **phases: str) -> None:
    """Wait until the recording has these pods, each in its phase or `gone`."""

    def probe() -> bool | NotYet:
        seen = {pod.name: "gone" if pod.deleted else pod.phase for pod in recorder.pods()}
        return True if seen == phases else NotYet(str(seen))

    wait_until("the recording", probe, timeout_s=5, interval_s=0.01)


def end_of(recorder: PodRecorder) -> bool | NotYet:
    """Tell whether the recording has ended early."""
    try:
        return NotYet(f"it goes on: {recorder.pods()}")
    except HarnessError:
        return True


def test_records_a_short_life_from_its_beginning_to_its_end(server: FakeApiServer, recorder: PodRecorder) -> None:
    with recorder:
        for phase in ("Pending", "Running", "Succeeded"):
            server.put("pods", worker_pod("a", phase=phase))
        server.remove("pods", "tools", "a")
        server.put("pods", {"metadata": {"name": "other", "namespace": "elsewhere"}})
        wait_for(recorder, a="gone")
        (pod,) = recorder.pods(dag_id="example", run_id="run-1")
        assert [change.phase for change in pod.phases] == ["Pending", "Running", "Succeeded"]
        assert recorder.pods(run_id="another") == []
    assert recorder.gaps == []


def test_takes_what_is_there_at_first(server: FakeApiServer, recorder: PodRecorder) -> None:
    server.put("pods", worker_pod("old", phase="Running"))
    with recorder:
        wait_for(recorder, old="Running")


def test_broken_line_loses_nothing(server: FakeApiServer, recorder: PodRecorder) -> None:
    with recorder:
        server.refusals = [urllib3.exceptions.ProtocolError("reset"), Response(500, b"etcd is away")]
        server.put("pods", worker_pod("a", phase="Running"))
        server.remove("pods", "tools", "a")
        wait_for(recorder, a="gone")
    assert recorder.gaps == []


def test_forgotten_version_is_bridged_by_a_list_and_noted(server: FakeApiServer, recorder: PodRecorder) -> None:
    server.put("pods", worker_pod("a", phase="Running"))
    with recorder:
        server.remove("pods", "tools", "a")
        server.put("pods", worker_pod("b"))
        server.compact()
        wait_for(recorder, a="gone", b="Pending")
        server.put("pods", worker_pod("b", phase="Running"))
        wait_for(recorder, a="gone", b="Running")


def test_two_pods_of_one_name_are_two(server: FakeApiServer, recorder: PodRecorder) -> None:
    with recorder:
        server.put("pods", worker_pod("a"))
        server.remove("pods", "tools", "a")
        again = worker_pod("a")
        again["metadata"]["uid"] = "another"
        server.put("pods", again)
        wait_until(
            "both",
            lambda: len(recorder.pods()) == 2 or NotYet(str(recorder.pods())),
            timeout_s=5,
            interval_s=0.01,
        )


def test_catch_up_waits_for_the_pods_that_are_there(server: FakeApiServer, recorder: PodRecorder) -> None:
    with recorder:
        server.put("pods", worker_pod("a"))
        recorder.catch_up(timeout_s=10**6)
        assert [pod.name for pod in recorder.pods()] == ["a"]


def test_recording_that_ended_early_is_no_proof(
    server: FakeApiServer, recorder: PodRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECONNECT_S", 3.0)
    with recorder:
        server.refusals = [Response(500, b"etcd is away")] * 100

        wait_until("the end", lambda: end_of(recorder), timeout_s=5, interval_s=0.01)
        with pytest.raises(HarnessError, match="etcd is away"):
            recorder.pods()


def test_first_list_that_fails_is_told_at_once(server: FakeApiServer, recorder: PodRecorder) -> None:
    server.refusals = [Response(403, b"{}", "Forbidden")]
    with pytest.raises(KubernetesError, match="Forbidden"), recorder:
        pass


def test_unreadable_pod_ends_the_recording_loudly(server: FakeApiServer, recorder: PodRecorder) -> None:
    with recorder:
        broken = worker_pod("a")
        broken["metadata"]["creationTimestamp"] = "yesterday"
        server.put("pods", broken)

        wait_until("the end", lambda: end_of(recorder), timeout_s=5, interval_s=0.01)
        with pytest.raises(HarnessError, match="yesterday"):
            recorder.pods()
