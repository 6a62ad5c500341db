"""Wait until the metadata database accepts connections.

Standard library and psycopg2 only: importing Airflow costs seconds of CPU, in every pod that starts.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import psycopg2

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - a class that psycopg2 names so

DEADLINE_S = 600
PAUSE_S = 1


def connect() -> Connection:
    """Open a connection to the database that Airflow is configured to use."""
    url = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    dialect, _, rest = url.partition("://")
    # SQLAlchemy names its driver in the scheme; libpq does not know it.
    return psycopg2.connect(f"{dialect.partition('+')[0]}://{rest}", connect_timeout=5)


def main() -> None:
    """Return when the database answers; give up after the deadline with what it said last."""
    deadline = time.monotonic() + DEADLINE_S
    said = ""
    while True:
        try:
            connect().close()
        except psycopg2.OperationalError as error:
            reason = str(error).strip()
        else:
            print("The database answers.", flush=True)
            return
        if reason != said:
            print(f"Waiting for the database: {reason}", flush=True)
            said = reason
        if time.monotonic() > deadline:
            raise SystemExit(f"The database did not answer within {DEADLINE_S} s: {reason}")
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
