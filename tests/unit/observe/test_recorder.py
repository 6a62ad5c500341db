"""The recorder: it misses no pod, whatever happens to its watch."""

import pytest

from harness.errors import HarnessError
from harness.observe import follower as module
from harness.observe.recorder import PodRecorder
from harness.tools import Json
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import NotYet, WaitTimeoutError, wait_until

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer, Response, worker_pod
from .samples import at


@pytest.fixture
def recorder(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> PodRecorder:
    return PodRecorder(server.client(monkeypatch), "tools", clock=FakeTime().clock)


def wait_for(recorder: PodRecorder, **phases: str) -> None:
    """Wait until the recording has these pods, each in its phase or `gone`."""

    def probe() -> bool | NotYet:
        seen = {pod.name: "gone" if pod.deleted else pod.phase for pod in recorder.pods()}
        return True if seen == phases else NotYet(str(seen))

    wait_until("the recording", probe, timeout_s=5, interval_s=0.01)


def event(name: str, reason: str, when: str, *, uid: str, count: int = 1) -> Json:
    """Return an Event about pod `a`."""
    return {
        "metadata": {"name": name, "namespace": "tools", "uid": name},
        "involvedObject": {"kind": "Pod", "name": "a", "uid": uid},
        "type": "Normal",
        "reason": reason,
        "message": "about it",
        "lastTimestamp": f"2026-11-22T{when}Z",
        "count": count,
    }


def running(pod: Json) -> Json:
    """Return the pod with its container running."""
    state = {"running": {"startedAt": "2026-11-22T12:00:03Z"}}
    pod["status"]["containerStatuses"] = [{"name": "base", "state": state}]
    return pod


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
    assert recorder.log("uid-of-a") is None


def test_takes_what_is_there_at_first(server: FakeApiServer, recorder: PodRecorder) -> None:
    server.put("pods", worker_pod("old", phase="Running"))
    with recorder:
        wait_for(recorder, old="Running")


def test_pod_that_vanished_unseen_gets_an_end(server: FakeApiServer, recorder: PodRecorder) -> None:
    server.put("pods", worker_pod("a", phase="Running"))
    with recorder:
        server.remove("pods", "tools", "a")
        server.put("pods", worker_pod("b"))
        server.compact()
        wait_for(recorder, a="gone", b="Pending")
        server.put("pods", worker_pod("b", phase="Running"))
        wait_for(recorder, a="gone", b="Running")


def test_keeps_a_pod_s_events(server: FakeApiServer, recorder: PodRecorder) -> None:
    with recorder:
        server.put("events", event("e1", "Scheduled", "12:00:01", uid="uid-of-a"))
        server.put("events", event("e2", "BackOff", "12:00:03", uid="uid-of-a", count=2))
        server.put("events", event("e3", "Killing", "12:00:02", uid="of-another"))
        wait_until("events", lambda: len(recorder.events()) == 3 or NotYet(""), timeout_s=5, interval_s=0.01)
        server.remove("events", "tools", "e1")
        lines = [one.line for one in recorder.events("uid-of-a")]
    assert lines == ["Normal Scheduled pod/a: about it", "Normal BackOff pod/a: about it (x2)"]
    assert [one.reason for one in recorder.events()] == ["Scheduled", "Killing", "BackOff"]


def test_keeps_the_log_of_a_pod_that_is_gone(server: FakeApiServer, recorder: PodRecorder) -> None:
    server.logs["a"] = "2026-11-22T12:00:04.5Z hello\n2026-11-22T12:00:05Z password=x"
    with recorder:
        server.put("pods", running(worker_pod("a", phase="Running")))
        wait_until("log", lambda: recorder.log("uid-of-a") or NotYet(""), timeout_s=5, interval_s=0.01)
        server.remove("pods", "tools", "a")
        wait_for(recorder, a="gone")
    log = recorder.log("uid-of-a")
    assert log
    assert log.text == "hello\npassword=***"


def test_marks_are_kept_redacted(recorder: PodRecorder) -> None:
    recorder.mark("deleted pod a with token=abc")
    recorder.mark("earlier", when=at(3))
    assert [mark.text for mark in recorder.marks] == ["deleted pod a with token=***", "earlier"]
    assert recorder.marks[1].when == at(3)


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


def test_catch_up_outlasts_an_api_server_that_is_away(server: FakeApiServer, recorder: PodRecorder) -> None:
    server.put("pods", worker_pod("a"))
    server.refusals = [OSError("refused"), Response(503, b"starting")]
    with pytest.raises(WaitTimeoutError, match="1 pods are not in the recording yet"):
        recorder.catch_up()
    assert server.refusals == []


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
