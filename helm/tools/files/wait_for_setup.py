"""Wait until the setup Job has left its mark in the database: migrated, and with an administrator.

Usage: wait_for_setup.py MARK
"""

from __future__ import annotations

import sys
import time

import psycopg2
from wait_for_database import connect

DEADLINE_S = 600
PAUSE_S = 1
FIND_MARK = "SELECT obj_description(to_regclass('alembic_version'), 'pg_class')"


def missing(mark: str) -> str:
    """Say why a component with this mark cannot start yet; empty if it can."""
    try:
        database = connect()
        try:
            with database.cursor() as cursor:
                cursor.execute(FIND_MARK)
                row = cursor.fetchone()
        finally:
            database.close()
    except psycopg2.OperationalError as error:
        return f"the database does not answer: {str(error).strip()}"
    found = row[0] if row else None
    if found == mark:
        return ""
    return f"the Job airflow-setup-... is to leave the mark {mark} in the database; there is {found or 'none'}"


def main() -> None:
    """Return when the mark is there; give up after the deadline with the reason."""
    mark = sys.argv[1]
    deadline = time.monotonic() + DEADLINE_S
    said = ""
    while reason := missing(mark):
        if reason != said:
            print(f"Waiting: {reason}", flush=True)
            said = reason
        if time.monotonic() > deadline:
            raise SystemExit(
                f"Not set up within {DEADLINE_S} s: {reason}. Read that Job's log; "
                "if it is done or gone, delete it and install the chart again."
            )
        time.sleep(PAUSE_S)
    print("The database is set up.", flush=True)


if __name__ == "__main__":
    main()
