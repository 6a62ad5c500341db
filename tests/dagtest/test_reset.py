"""The statement of a reset, on tables and a PostgreSQL that are Airflow's and the chart's own."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from harness.backup.metadata import reset_statement

from .conftest import Home, Result

pytestmark = pytest.mark.timeout(60, func_only=True)

FILL = (
    "INSERT INTO variable (key, val, is_encrypted) VALUES ('a', 'b', false)",
    "INSERT INTO connection (conn_id, conn_type, is_encrypted, is_extra_encrypted) VALUES ('a', 'http', false, false)",
    "INSERT INTO slot_pool (pool, slots, include_deferred) VALUES ('small', 2, false)",
    "UPDATE slot_pool SET slots = 3 WHERE pool = 'default_pool'",
)


def test_reset_empties_what_ran_and_keeps_the_dags(home: Home, run_dag: Callable[..., Result]) -> None:  # noqa: ARG001 - Airflow comes first
    assert run_dag("hello").state == "success"
    tell(*FILL)
    dags = ask("SELECT dag_id FROM dag")
    revision = ask("SELECT version_num FROM alembic_version")
    tell(reset_statement(128))
    for table in ("dag_run", "task_instance", "xcom", "variable", "connection"):
        assert ask(f"SELECT * FROM {table}") == [], table  # noqa: S608 - names of ours
    assert ask("SELECT pool, slots FROM slot_pool") == [("default_pool", 128)]
    assert ask("SELECT dag_id FROM dag") == dags != []
    assert ask("SELECT version_num FROM alembic_version") == revision
    assert run_dag("hello").state == "success"


def tell(*statements: str) -> None:
    from airflow.utils.session import create_session  # noqa: PLC0415 - after the settings

    with create_session() as session:
        for statement in statements:
            session.execute(text(statement))


def ask(query: str) -> list[tuple[Any, ...]]:
    from airflow.utils.session import create_session  # noqa: PLC0415 - likewise

    with create_session() as session:
        return [tuple(row) for row in session.execute(text(query))]
