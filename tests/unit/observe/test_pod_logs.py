"""Logs of worker pods: fetched before they are gone, seldom enough to cost little."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from harness.observe import pod_logs as module
from harness.observe.pod_logs import PodLog, PodLogs
from harness.observe.pods import ContainerStatus, WorkerPod
from harness.waiting import NotYet, wait_until

from ..fakes.kubernetes import FakeApiServer, worker_pod
from .samples import at, pod

RUNNING = ContainerStatus("base", "running", started=at(1))
ENDED = ContainerStatus("base", "terminated", "Completed", 0, at(1), at(9))


@pytest.fixture
def logs(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[PodLogs]:
    server.put("pods", worker_pod("a"))
    server.logs["a"] = "2026-11-22T12:00:02.5Z one\n2026-11-22T12:00:03Z two"
    made = PodLogs(server.client(monkeypatch), now=lambda: at(42))
    made.start()
    yield made
    made.stop()


def version(container: ContainerStatus, **others: Any) -> WorkerPod:
    return replace(pod(name="a", containers=(container,), deleted=None), **others)


def fetches(server: FakeApiServer) -> int:
    return sum(request.path.endswith("/log") for request in server.requests)


def wait_for(logs: PodLogs, **wanted: Any) -> PodLog:
    def probe() -> PodLog | NotYet:
        log = logs.of("uid-a")
        return log if log and wanted.items() <= vars(log).items() else NotYet(str(log))

    return wait_until("the log", probe, timeout_s=5, interval_s=0.01)


def test_log_of_a_running_pod_is_fetched_again_when_it_is_old(server: FakeApiServer, logs: PodLogs) -> None:
    running = version(RUNNING)
    for seconds in (2, 3, 5, 6, 7):
        logs.look_at(running, at(seconds))
    logs.stop()
    assert fetches(server) == 2
    log = wait_for(logs, text="one\ntwo", first_line=at(2.5), is_final=False)
    assert log.fetched == at(42)


def test_end_and_deletion_are_fetched_at_once_and_once(server: FakeApiServer, logs: PodLogs) -> None:
    logs.look_at(version(RUNNING), at(8))
    logs.look_at(version(RUNNING, deletion_requested=at(9)), at(9))
    logs.look_at(version(ENDED, deletion_requested=at(9)), at(9.1))
    logs.look_at(version(ENDED), at(100))
    wait_for(logs, text="one\ntwo")
    logs.stop()
    assert fetches(server) == 3
    assert wait_for(logs).is_final


def test_pod_that_never_started_or_is_gone_has_no_log_to_fetch(server: FakeApiServer, logs: PodLogs) -> None:
    logs.look_at(version(ContainerStatus("base", "waiting")), at(2))
    logs.look_at(version(RUNNING, deleted=at(3)), at(3))
    logs.stop()
    assert fetches(server) == 0
    assert logs.of("uid-a") is None


def test_last_known_lines_stay_when_the_pod_is_gone(server: FakeApiServer, logs: PodLogs) -> None:
    logs.look_at(version(RUNNING), at(2))
    wait_for(logs, text="one\ntwo")
    server.remove("pods", "tools", "a")
    logs.look_at(version(ENDED), at(9))
    log = wait_for(logs, text="one\ntwo", is_final=False, first_line=at(2.5))
    assert "404" in wait_for(logs, problem=log.problem).problem or log.problem == ""
    logs.stop()
    assert "404" in wait_for(logs).problem


def test_log_that_nobody_answered_for_is_asked_for_again(server: FakeApiServer, logs: PodLogs) -> None:
    server.refusals = [OSError("refused")]
    logs.look_at(version(ENDED), at(9))
    assert "refused" in wait_for(logs, text="").problem
    logs.look_at(version(ENDED), at(11))
    assert wait_for(logs, text="one\ntwo", problem="").is_final


@pytest.mark.parametrize(("text", "tail"), [("no time at all", 200), ("2026-11-22T12:00:02Z a", 1)])
def test_first_line_is_known_only_when_it_was_seen(
    server: FakeApiServer, logs: PodLogs, monkeypatch: pytest.MonkeyPatch, text: str, tail: int
) -> None:
    monkeypatch.setattr(module, "TAIL_LINES", tail)
    server.logs["a"] = text
    logs.look_at(version(RUNNING), at(2))
    unknown: datetime | None = None
    assert wait_for(logs, first_line=unknown).text
