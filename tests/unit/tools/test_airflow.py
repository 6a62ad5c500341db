"""The Airflow client: login, repeats, pages, and what it makes of the answers."""

import json
from datetime import UTC, datetime

import httpx2 as httpx
import pytest

from harness.tools.airflow_client import AirflowApiError
from harness.waiting import WaitTimeoutError

from ..fakes.airflow import FakeAirflow, task_instance

RUN = "/api/v2/dags/example/dagRuns/run-1"


def refuse_connection() -> httpx.Response:
    raise httpx.ConnectError("connection refused")


@pytest.fixture
def server() -> FakeAirflow:
    return FakeAirflow()


def test_logs_in_once_and_again_when_the_token_has_expired(server: FakeAirflow) -> None:
    api = server.client()
    assert api.dags() == []
    assert api.dags() == []
    server.token += 1  # the server forgets the old one
    assert api.dags() == []
    assert len(server.paths("POST")) == 2


def test_wrong_password_says_where_the_right_one_is(server: FakeAirflow) -> None:
    with pytest.raises(AirflowApiError, match="POST /auth/token answered 401: Invalid credentials") as caught:
        server.client(password="wrong").login()  # noqa: S106 - of nothing
    assert "`login_secret`" in caught.value.next_step


@pytest.mark.parametrize(("status", "party"), [(0, "Airflow"), (500, "Airflow"), (404, "product")])
def test_refusal_is_airflow_s_when_it_lacks_something(status: int, party: str) -> None:
    assert AirflowApiError("GET /dags", status, "why").party == party


def test_health_is_read_from_the_body_and_needs_no_login(server: FakeAirflow) -> None:
    server.answers["/api/v2/monitor/health"] = {
        "metadatabase": {"status": "healthy"},
        "scheduler": {"status": "unhealthy"},
        "dag_processor": {"status": "healthy"},
        "triggerer": {"status": None},
    }
    health = server.client().health()
    assert not health.is_healthy
    assert health.problems == ["scheduler: unhealthy", "triggerer: never seen"]
    assert server.paths("POST") == []


def test_get_without_an_answer_is_repeated(server: FakeAirflow) -> None:
    api = server.client()
    api.login()
    server.failures = [refuse_connection, refuse_connection]
    assert api.dags() == []
    assert server.time.seconds == 2


def test_get_that_never_gets_an_answer_ends(server: FakeAirflow) -> None:
    api = server.client()
    api.login()
    server.failures = [refuse_connection] * 100
    with pytest.raises(AirflowApiError, match="GET /dags got no answer") as caught:
        api.dags()
    assert caught.value.status == 0
    assert server.time.seconds <= 30


def test_post_without_an_answer_is_not_repeated(server: FakeAirflow) -> None:
    api = server.client()
    api.login()
    server.failures = [refuse_connection]
    with pytest.raises(AirflowApiError, match="no answer"):
        api.trigger("example", "run-1")
    assert len(server.requests) == 2


def test_refusal_tells_the_server_s_reason_without_secrets(server: FakeAirflow) -> None:
    api = server.client()
    api.login()
    server.failures = [lambda: httpx.Response(400, json={"detail": "bad password=hunter22"})]
    with pytest.raises(AirflowApiError, match=r"POST /api/v2/dags/example/dagRuns answered 400: bad password=\*\*\*"):
        api.trigger("example", "run-1")


def test_trigger_sends_the_run_id_and_the_present(server: FakeAirflow) -> None:
    server.answers["/api/v2/dags/example/dagRuns"] = {"dag_id": "example", "dag_run_id": "run-1", "state": "queued"}
    run = server.client().trigger("example", "run-1", {"a": 1})
    assert (run.run_id, run.state, run.is_over) == ("run-1", "queued", False)
    sent = json.loads(server.requests[-1].content)
    assert sent == {"dag_run_id": "run-1", "logical_date": server.time.clock.utc_now().isoformat(), "conf": {"a": 1}}


@pytest.mark.parametrize("date", [None, datetime(2026, 1, 31, tzinfo=UTC)])
def test_trigger_sends_the_logical_date_that_is_given(server: FakeAirflow, date: datetime | None) -> None:
    server.answers["/api/v2/dags/example/dagRuns"] = {"dag_id": "example", "dag_run_id": "run-1", "state": "queued"}
    server.client().trigger("example", "run-1", logical_date=date)
    assert json.loads(server.requests[-1].content)["logical_date"] == (date and "2026-01-31T00:00:00+00:00")


def test_run_tells_why_there_is_one_and_when_it_was_due(server: FakeAirflow) -> None:
    due = {"run_type": "scheduled", "run_after": "2026-11-22T12:00:00Z"}
    server.answers[RUN] = {"dag_id": "example", "dag_run_id": "run-1", "state": "queued", **due}
    run = server.client().dag_run("example", "run-1")
    assert (run.run_type, run.run_after) == ("scheduled", datetime(2026, 11, 22, 12, tzinfo=UTC))


def test_task_instances_come_from_all_pages(server: FakeAirflow) -> None:
    items = [task_instance("work", map_index=index) for index in range(150)]
    first = {"task_instances": items[:100], "total_entries": 150}
    second = {"task_instances": items[100:], "total_entries": 150}
    api = server.client()
    api.login()
    server.failures = [lambda: httpx.Response(200, json=first), lambda: httpx.Response(200, json=second)]
    assert [ti.map_index for ti in api.task_instances("example", "run-1")] == list(range(150))
    assert server.requests[-1].url.params["offset"] == "100"


def test_all_tries_asks_only_for_tasks_that_had_several(server: FakeAirflow) -> None:
    last = task_instance("flaky", try_number=2, map_index=3)
    server.answers[f"{RUN}/taskInstances"] = {"task_instances": [task_instance("calm"), last], "total_entries": 2}
    server.answers[f"{RUN}/taskInstances/flaky/3/tries"] = {
        "task_instances": [last, task_instance("flaky", map_index=3, state="failed")]
    }
    tries = server.client().all_tries("example", "run-1")
    assert [(ti.label, ti.try_number, ti.state) for ti in tries] == [
        ("calm", 1, "success"),
        ("flaky[3]", 1, "failed"),
        ("flaky[3]", 2, "success"),
    ]
    assert tries[0].end == datetime(2026, 11, 22, 12, 0, 7, 250000, tzinfo=UTC)


def test_wait_for_run_that_does_not_end_tells_the_tasks(server: FakeAirflow) -> None:
    server.answers[RUN] = {"dag_id": "example", "dag_run_id": "run-1", "state": "running"}
    waiting = task_instance("slow", state="queued")
    server.answers[f"{RUN}/taskInstances"] = {"task_instances": [waiting], "total_entries": 1}
    with pytest.raises(WaitTimeoutError, match="last seen: running; tasks: slow try 1: queued"):
        server.client().wait_for_run("example", "run-1", timeout_s=5)


def test_wait_for_run_returns_a_failed_run_too(server: FakeAirflow) -> None:
    server.answers[RUN] = {"dag_id": "example", "dag_run_id": "run-1", "state": "failed"}
    assert server.client().wait_for_run("example", "run-1", timeout_s=5).state == "failed"


def test_log_is_one_line_an_event(server: FakeAirflow) -> None:
    content = [{"timestamp": "2026", "level": "info", "event": "started", "pid": 7}, {"event": "done"}, "bare"]
    server.answers[f"{RUN}/taskInstances/work/logs/1"] = {"content": content}
    assert server.client().logs("example", "run-1", "work", 1) == "2026 info started {'pid': 7}\ndone\nbare"


def test_stack_trace_of_a_log_is_lines_without_its_ids(server: FakeAirflow) -> None:
    cause = {"exc_type": "OSError", "exc_value": "no route", "frames": []}
    trace = {"exc_type": "ValueError", "exc_value": "boom", "frames": [{"filename": "d.py", "lineno": 3, "name": "f"}]}
    entry = {"level": "error", "event": "failed", "task_id": "work", "logger": "task", "error_detail": [trace, cause]}
    server.answers[f"{RUN}/taskInstances/work/logs/1"] = {"content": [entry]}
    assert server.client().logs("example", "run-1", "work", 1).splitlines() == [
        "error failed",
        "Traceback (most recent call last):",
        "OSError: no route",
        "Traceback (most recent call last):",
        '  File "d.py", line 3, in f',
        "ValueError: boom",
    ]


def test_task_ids_come_after_those_they_depend_on(server: FakeAirflow) -> None:
    server.dag_runs.tasks["example"] = {"a": [], "b": ["a"], "c": ["b", "a"]}
    assert server.client().task_ids("example") == ["c", "b", "a"]


@pytest.mark.parametrize(("status", "is_away"), [(0, True), (500, True), (503, True), (404, False), (401, False)])
def test_only_what_may_be_answered_later_is_away(status: int, is_away: bool) -> None:
    assert AirflowApiError("GET /dags", status, "").is_away is is_away


def test_what_is_not_known_is_none(server: FakeAirflow) -> None:
    api = server.client()
    assert api.dag("nobody") is None
    assert api.dag_source("nobody") is None


def test_ids_are_quoted_in_paths(server: FakeAirflow) -> None:
    with pytest.raises(AirflowApiError):
        server.client().dag_run("a/b", "manual__2026-01-01T00:00:00+00:00")
    assert b"a%2Fb/dagRuns/manual__2026-01-01T00%3A00%3A00%2B00%3A00" in server.requests[-1].url.raw_path


def test_event_logs_and_import_errors_and_xcom(server: FakeAirflow) -> None:
    logs = [{"event": "heartbeat timeout", "when": "2026-11-22T12:00:00Z", "task_id": "work", "extra": None}]
    server.answers["/api/v2/eventLogs"] = {"event_logs": logs, "total_entries": 1}
    server.import_errors = [{"filename": "a.py", "bundle_name": "dags", "stack_trace": "boom"}]
    server.answers[f"{RUN}/taskInstances/work/xcomEntries/return_value"] = {"value": [1]}
    api = server.client()
    assert [log.event for log in api.event_logs("example", "run-1")] == ["heartbeat timeout"]
    assert [error.stack_trace for error in api.import_errors(bundle_name="dags")] == ["boom"]
    assert api.xcom("example", "run-1", "work") == [1]


def test_dag_is_unpaused_and_paused(server: FakeAirflow) -> None:
    server.parse({"example.py": 'DAG("example")'})
    api = server.client()
    states = []
    for change in (api.unpause, api.pause):
        change("example")
        states += [dag.is_paused for dag in api.dags()]
    assert states == [False, True]
