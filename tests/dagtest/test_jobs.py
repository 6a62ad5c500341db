"""Each job runs, with real tasks and real far ends, and leaves there what it should, also when it runs twice."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from far_ends.registry import Registry

from .conftest import Home, Result

TOKEN = "t-0123456789"  # noqa: S105 - of a service that ends with the tests
Run = Callable[..., Result]

pytestmark = pytest.mark.timeout(60, func_only=True)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "incoming").mkdir()
    return tmp_path


@pytest.fixture
def settings(files: Path, home: Home) -> dict[str, str]:
    return {"FILES_URL": files.as_uri(), "AIRFLOW_CONN_WAREHOUSE": home.warehouse}


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry(("127.0.0.1", 0), TOKEN) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def api(registry: Registry) -> dict[str, str]:
    return {"REGISTRY_URL": f"http://127.0.0.1:{registry.server_port}", "REGISTRY_TOKEN": TOKEN}


def deliver(files: Path, day: str, *rows: str) -> None:
    """Put a day's file where load_database expects it."""
    folder = files / "accepted"
    folder.mkdir(exist_ok=True)
    (folder / f"orders-{day}.csv").write_text("\n".join(["order_id,customer,amount", *rows, ""]))


def stored(home: Home, day: str) -> list[tuple[Any, ...]]:
    """Return what the database has of a day, as somebody else sees it."""
    with psycopg2.connect(home.warehouse) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT order_id, customer, amount::text FROM orders WHERE day = %s ORDER BY order_id", (day,))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def test_variables_reach_a_task(run_dag: Run) -> None:
    assert run_dag("variables", GREETING="hello").returned == {"greet": 5}


def test_a_missing_variable_fails_the_task_for_good(run_dag: Run, settings: dict[str, str]) -> None:
    result = run_dag("move_files", **settings | {"FILES_URL": ""})
    assert (result.state, result.tries) == ("failed", {"move_incoming": 1})


def test_run_script_removes_old_logs(run_dag: Run, home: Home) -> None:
    old, new = home.logs / "dag_id=x" / "old.log", home.logs / "dag_id=x" / "new.log"
    old.parent.mkdir(parents=True)
    for file, days in ((old, 8), (new, 6)):
        file.write_text("line\n")
        then = time.time() - days * 24 * 3600
        os.utime(file, (then, then))
    result = run_dag("run_script", {"keep_days": 7})
    assert result.returned["clean_logs"] == {"files": 1, "bytes": 5}
    assert not old.exists()
    assert new.exists()


def test_move_files_moves_all_that_waits(run_dag: Run, files: Path, settings: dict[str, str]) -> None:
    (files / "incoming" / "a.csv").write_bytes(os.urandom(3_000_000))
    content = (files / "incoming" / "a.csv").read_bytes()
    assert run_dag("move_files", **settings).returned == {"move_incoming": ["a.csv"]}
    assert list((files / "incoming").iterdir()) == []
    assert [path.name for path in (files / "accepted").iterdir()] == ["a.csv"]
    assert (files / "accepted" / "a.csv").read_bytes() == content
    assert run_dag("move_files", **settings).returned == {"move_incoming": []}


def test_move_files_overwrites_nothing(run_dag: Run, files: Path, settings: dict[str, str]) -> None:
    (files / "incoming" / "a.csv").write_text("new")
    (files / "accepted").mkdir()
    (files / "accepted" / "a.csv").write_text("old")
    assert run_dag("move_files", **settings).state == "failed"
    assert (files / "accepted" / "a.csv").read_text() == "old"
    assert (files / "incoming" / "a.csv").read_text() == "new"


def test_call_api_makes_one_export(run_dag: Run, registry: Registry, api: dict[str, str]) -> None:
    result = run_dag("call_api", {"day": "2026-01-01"}, **api)
    assert result.returned == {"request": "export-1"}
    assert [export["day"] for export in registry.state.exports.values()] == ["2026-01-01"]


def test_call_api_is_about_yesterday_when_nobody_says_otherwise(
    run_dag: Run, registry: Registry, api: dict[str, str]
) -> None:
    before = datetime.now(UTC).date()
    assert run_dag("call_api", **api).state == "success"
    (request,) = registry.state.requests
    assert date.fromisoformat(request["day"]) in {day - timedelta(days=1) for day in (before, datetime.now(UTC).date())}


def test_call_api_makes_one_export_when_its_answer_was_lost(
    run_dag: Run, registry: Registry, api: dict[str, str]
) -> None:
    result = run_dag("call_api", {"day": "2026-01-02"}, **api)
    assert (result.returned, result.tries) == ({"request": "export-1"}, {"request": 2})
    assert len(registry.state.exports) == 1
    assert len({request["key"] for request in registry.state.requests}) == 1


def test_call_api_gives_up_at_once_on_what_is_refused(run_dag: Run, registry: Registry, api: dict[str, str]) -> None:
    result = run_dag("call_api", {"day": "2026-01-04"}, **api)
    assert (result.state, result.tries) == ("failed", {"request": 1})
    assert run_dag("call_api", {"day": "2026-01-01"}, **api | {"REGISTRY_TOKEN": "wrong"}).tries == {"request": 1}
    assert registry.state.exports == {}


def test_load_database_gives_the_same_rows_twice(
    run_dag: Run, home: Home, files: Path, settings: dict[str, str]
) -> None:
    deliver(files, "2026-02-01", "o-1,Ada,12.50", 'o-2,"O\'Neil, Söhne",-3')
    for _ in range(2):
        assert run_dag("load_database", {"day": "2026-02-01"}, **settings).returned == {"load": 2}
        assert stored(home, "2026-02-01") == [("o-1", "Ada", "12.50"), ("o-2", "O'Neil, Söhne", "-3.00")]


def test_load_database_replaces_the_day_and_no_other(
    run_dag: Run, home: Home, files: Path, settings: dict[str, str]
) -> None:
    deliver(files, "2026-02-02", "o-1,Ada,1", "o-2,Bob,2")
    deliver(files, "2026-02-03", "o-1,Ada,3")
    for day in ("2026-02-02", "2026-02-03"):
        run_dag("load_database", {"day": day}, **settings)
    deliver(files, "2026-02-02", "o-2,Bob,20")
    run_dag("load_database", {"day": "2026-02-02"}, **settings)
    assert stored(home, "2026-02-02") == [("o-2", "Bob", "20.00")]
    assert stored(home, "2026-02-03") == [("o-1", "Ada", "3.00")]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("o-3,Cid,much", id="refused before the database"),
        pytest.param("o-1,Ada,1", id="refused by its key"),
        pytest.param("o-3,Cid,12345678901", id="refused by its type"),
    ],
)
def test_load_database_changes_nothing_when_one_row_is_wrong(
    run_dag: Run, home: Home, files: Path, settings: dict[str, str], row: str
) -> None:
    deliver(files, "2026-02-04", "o-1,Ada,1")
    run_dag("load_database", {"day": "2026-02-04"}, **settings)
    deliver(files, "2026-02-04", "o-1,Ada,2", row)
    assert run_dag("load_database", {"day": "2026-02-04"}, **settings).state == "failed"
    assert stored(home, "2026-02-04") == [("o-1", "Ada", "1.00")]


def test_load_database_waits_for_a_file_that_is_late(run_dag: Run, settings: dict[str, str]) -> None:
    result = run_dag("load_database", {"day": "2026-02-05"}, **settings)
    assert (result.state, result.tries) == ("failed", {"load": 7})
