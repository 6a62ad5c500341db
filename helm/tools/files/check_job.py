"""Exit 0 if the Airflow job of this pod has a fresh heartbeat in the database.

Usage: check_job.py JOB_TYPE

Asks what `airflow jobs check --local` asks, without importing Airflow: a probe that costs seconds of CPU starves what
it probes.
"""

from __future__ import annotations

import socket
import sys

from host_address import find_addresses
from wait_for_database import connect

# Airflow's own threshold for the health of these jobs.
FRESH_S = 30
FIND_AGE = """
    SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job
    WHERE job_type = %s AND state = 'running' AND hostname = ANY(%s)
"""


def main() -> None:
    """Exit with a message if there is no such job or if its heartbeat is old."""
    job_type = sys.argv[1]
    name = socket.gethostname()
    database = connect()
    try:
        with database.cursor() as cursor:
            cursor.execute(FIND_AGE, (job_type, [name, *find_addresses()]))
            row = cursor.fetchone()
    finally:
        database.close()
    age_s = row[0] if row else None
    if age_s is None:
        raise SystemExit(f"No running {job_type} on {name}.")
    if age_s > FRESH_S:
        raise SystemExit(f"The {job_type} on {name} had its last heartbeat {age_s:.0f} s ago.")


if __name__ == "__main__":
    main()
