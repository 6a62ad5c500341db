"""A task's log: each entry as lines, and no more of it in memory than is kept, whatever its size."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import pytest

from harness.observe.task_logs import read_end
from harness.tools.airflow_client import AirflowApiError
from harness.tools.airflow_logs import LogEntry, parse_log
from harness.tools.k8s import Kubernetes

from ..fakes.airflow import FakeAirflow
from ..fakes.kubernetes import FakeApiServer, Response, worker_pod
from ..fakes.run_scene import RunScene

MB = 10**6
LOG = "/api/v2/dags/example/dagRuns/run-1/taskInstances/first/logs/1"


def entry(event: str, **others: Any) -> bytes:
    item = {"timestamp": "2026-11-22T12:00:00Z", "event": event, "level": "info", "logger": "task.stdout", **others}
    return json.dumps(item, separators=(",", ":")).encode() + b"\n"


def many_lines(size: int) -> Iterator[bytes]:
    """Yield so many bytes of a log, made as they are read."""
    chunk = b"".join(entry(f"read {n} rows of orders {'and so on ' * 500}") for n in range(20))
    for _ in range(size // len(chunk)):
        yield chunk
    yield entry("the last line")


def one_line(size: int) -> Iterator[bytes]:
    """Yield a log of one line, and another after it."""
    yield entry("blob ").partition(b'","level"')[0]
    for _ in range(size // 65536):
        yield b"0123456789abcdef" * 4096
    yield b'","level":"info"}\n'
    yield entry("the last line")


class Body(httpx.SyncByteStream):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    def close(self) -> None:
        self.is_closed = True


def peak_mb(action: Callable[[], object]) -> float:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()


def test_entry_is_a_line_and_those_of_its_event_and_errors() -> None:
    cause = {"exc_type": "OSError", "exc_value": "no route\nto host", "frames": []}
    lines = next(parse_log([entry("one\ntwo", rows=3, error_detail=[cause])])).lines
    assert lines == [
        "2026-11-22T12:00:00Z info one",
        "two {'rows': 3}",
        "Traceback (most recent call last):",
        "OSError: no route",
        "to host",
    ]


@pytest.mark.parametrize("line", [b"bare text\n", b"[1]\n", b'{"event": \n', b"\xff\n"])
def test_what_is_no_entry_is_a_line_all_the_same(line: bytes) -> None:
    text = line.decode(errors="replace").removesuffix("\n")
    assert [*parse_log([line])] == [LogEntry(text, text)]


def test_only_the_first_group_of_sources_is_one() -> None:
    group = entry("::group::Log message source details") + entry("/logs/1.log") + entry("::endgroup::")
    entries = [*parse_log([group, entry("mine"), group])]
    assert [one.is_source for one in entries] == [True] * 3 + [False] * 4


def test_entry_that_was_cut_keeps_its_time_and_says_so() -> None:
    first, last = parse_log(one_line(MB))
    assert first.text.startswith("2026-11-22T12:00:00Z blob 0123456789abcdef")
    assert first.text.endswith(" more bytes of this line are left out]")
    assert last.event == "the last line"


@pytest.fixture
def airflow() -> FakeAirflow:
    server = FakeAirflow()
    server.client().login()
    return server


@pytest.mark.parametrize("log", [many_lines, one_line])
def test_log_of_100_mb_is_read_in_bounded_memory(log: Callable[[int], Iterator[bytes]], airflow: FakeAirflow) -> None:
    api = airflow.client()
    api.login()
    body = Body(log(100 * MB))
    airflow.failures = [lambda: httpx.Response(200, stream=body)]
    texts: list[str] = []
    assert peak_mb(lambda: texts.append(api.logs("example", "run-1", "first", 1))) < 10
    assert texts[0].endswith("the last line")
    assert "left out" in texts[0]
    assert len(texts[0]) < 1.3 * MB
    assert body.is_closed


def test_log_that_is_not_read_on_is_closed(airflow: FakeAirflow) -> None:
    api = airflow.client()
    api.login()
    body = Body(many_lines(100 * MB))
    airflow.failures = [lambda: httpx.Response(200, stream=body)]
    entries = api.log_entries("example", "run-1", "first", 1)
    assert next(entries).event.startswith("read 0 rows of orders")
    entries.close()
    assert body.is_closed


def test_log_whose_line_breaks_has_no_status(airflow: FakeAirflow) -> None:
    def chunks() -> Iterator[bytes]:
        yield entry("one")
        raise httpx.ReadError("the peer is gone")

    api = airflow.client()
    api.login()
    airflow.failures = [lambda: httpx.Response(200, stream=Body(chunks()))]
    with pytest.raises(AirflowApiError, match="the peer is gone") as caught:
        api.logs("example", "run-1", "first", 1)
    assert caught.value.is_away


def test_interrupt_is_heard_while_a_log_is_read(airflow: FakeAirflow) -> None:
    read = 0

    def chunks() -> Iterator[bytes]:
        nonlocal read
        for chunk in many_lines(100 * MB):
            read += len(chunk)
            if read > 10 * MB:
                raise KeyboardInterrupt
            yield chunk

    api = airflow.client()
    api.login()
    body = Body(chunks())
    airflow.failures = [lambda: httpx.Response(200, stream=body)]
    with pytest.raises(KeyboardInterrupt):
        api.logs("example", "run-1", "first", 1)
    assert body.is_closed


def test_end_of_a_log_of_20_mb_counts_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = RunScene(monkeypatch)
    scene.set(1, "first", try_number=1, state="failed", start=1, end=2)
    scene.end(3, "failed")
    run = scene.start()
    task = scene.follow(run).tasks[0]
    scene.airflow.failures = [lambda: httpx.Response(200, stream=Body(many_lines(20 * MB)))]
    ends: list[tuple[int, list[str]]] = []
    assert peak_mb(lambda: ends.append(read_end(run, task, task.tries[0], 40))) < 10
    ((left_out, lines),) = ends
    assert len(lines) == 40
    assert lines[-1].endswith("the last line")
    assert left_out > 3_000


def test_200_pods_that_fail_at_once_are_kept_in_bounded_memory(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    server.put("pods", worker_pod("a"))
    line = b"2026-11-22T12:00:02Z " + entry("x" * 5000)
    kept: list[str] = []

    def read_all() -> None:
        for _ in range(200):
            server.refusals = [Response(200, chunks=iter([line] * 50))]
            kept.append(kubernetes.pod_log("a", "tools", tail_lines=200, first_chars=8_192, last_chars=57_344))

    assert peak_mb(read_all) < 40
    assert all("are left out here]" in text for text in kept)


@pytest.mark.parametrize("log", [many_lines, one_line])
def test_pod_log_of_100_mb_is_read_in_bounded_memory(
    log: Callable[[int], Iterator[bytes]], kubernetes: Kubernetes, server: FakeApiServer
) -> None:
    response = Response(200, chunks=log(100 * MB))
    server.refusals = [response]
    texts: list[str] = []
    assert peak_mb(lambda: texts.append(kubernetes.pod_log("a", "tools"))) < 10
    assert "left out" in texts[0]
    assert "the last line" in texts[0][-200:]
    assert response.is_closed
