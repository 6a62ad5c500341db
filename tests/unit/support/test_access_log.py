"""The access log of Airflow's API server; the lines are those of Airflow 3.3.2."""

import pytest

from support.access_log import Answer, parse_access_log

STAMP = "2026-11-24T19:31:06.872164723Z"
NOISE = (
    f"{STAMP} 2026-11-24T19:31:06.871847Z [info     ] Updated user admin             [override] loc=override.py:1684"
)


def line(method: str, path: str, status: int, query: str = "") -> str:
    return (
        f"{STAMP} 2026-11-24T19:31:06.871847Z [info     ] request finished               [http.access] "
        f"client_addr=10.244.0.1:16793 duration_us=21340 loc=http_access_log.py:130 method={method} path={path} "
        f"query={query} status_code={status}"
    )


def answer(method: str, path: str, status: int, query: str = "") -> Answer:
    (found,) = parse_access_log("\n".join((NOISE, line(method, path, status, query), "", "a line without a time")))
    return found


def test_an_answer_is_read_and_other_lines_are_not() -> None:
    found = answer("GET", "/api/v2/dags", 200, "'exclude_stale=true&limit=100'")
    assert (found.method, found.path, found.status) == ("GET", "/api/v2/dags", 200)
    assert found.line == "19:31:06 GET /api/v2/dags: 200"


@pytest.mark.parametrize(
    ("status", "is_good", "is_failure"),
    [
        (200, True, False),
        (204, True, False),
        (301, False, False),
        (409, False, False),
        (500, False, True),
        (503, False, True),
        (0, False, True),
    ],
)
def test_what_the_server_refuses_is_no_failure_and_silence_is(status: int, is_good: bool, is_failure: bool) -> None:
    found = answer("GET", "/", status)
    assert (found.is_good, found.is_failure) == (is_good, is_failure)
    assert found.line.endswith("no answer" if status == 0 else str(status))


@pytest.mark.parametrize(
    ("method", "path", "starts"),
    [
        ("PATCH", "/execution/task-instances/019cafe0-0000-7000-8000-000000000000/run", True),
        ("PATCH", "/execution/task-instances/019cafe0-0000-7000-8000-000000000000/state", False),
        ("GET", "/execution/task-instances/019cafe0-0000-7000-8000-000000000000/run", False),
    ],
)
def test_a_worker_that_begins_its_try_is_told_apart(method: str, path: str, starts: bool) -> None:
    assert answer(method, path, 200).starts_task is starts
