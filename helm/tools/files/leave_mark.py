"""Mark the database as set up: every component waits for this mark.

Usage: leave_mark.py MARK
"""

from __future__ import annotations

import sys

from wait_for_database import connect


def leave_mark(mark: str) -> None:
    """Mark the database; it travels with the tables, so a database that is reset or restored has the right one."""
    database = connect()
    try:
        with database, database.cursor() as cursor:
            cursor.execute("COMMENT ON TABLE alembic_version IS %s", (mark,))
    finally:
        database.close()


if __name__ == "__main__":
    leave_mark(sys.argv[1])
