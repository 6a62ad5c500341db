"""Loads the orders of the day before from their CSV file into PostgreSQL, every morning.

**From.** `accepted/orders-YYYY-MM-DD.csv` of the storage that `move_files` moves to (`FILES_URL`).
**To.** The table `orders` of the connection `warehouse`: the key `AIRFLOW_CONN_WAREHOUSE` of the Secret
`airflow-variables`, such as `postgresql://user:password@host:5432/database`.
**Rerun.** Safe: a run replaces its day in one transaction, so a second run gives the same rows, and a corrected file
replaces the wrong one. A file with a wrong line changes nothing.
**Catchup.** Off, so that switching the DAG on does not load a year. Load missed days on purpose with a backfill:
`airflow backfill create --dag-id load_database --from-date 2026-11-01 --to-date 2026-11-07`.
"""

from contextlib import closing
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

from jobs.days import DAY, day_of_run
from jobs.deadlines import finish_within
from jobs.settings import require
from jobs.volumes import mount_files


@dag(
    schedule="0 5 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,  # runs are about different days, so one that waits for its next try holds up no other
    # The file may come late.
    default_args={"owner": "registry", "retries": 6, "retry_delay": timedelta(minutes=20)},
    params={"day": DAY},
    deadline=finish_within(timedelta(hours=3)),
    tags=["job", "database"],
    doc_md=__doc__,
)
def load_database() -> None:
    """Load data into a database."""

    @task(executor_config=mount_files(), execution_timeout=timedelta(minutes=15))
    def load() -> int:
        """Replace the day's rows, and return how many there are now."""
        from airflow.providers.postgres.hooks.postgres import PostgresHook
        from airflow.sdk import ObjectStoragePath

        from jobs.orders import read_orders, replace_day

        day = day_of_run()
        file = ObjectStoragePath(require("FILES_URL")) / "accepted" / f"orders-{day}.csv"
        with file.open("r", encoding="utf-8", newline="") as lines:
            orders = read_orders(lines)
        with closing(PostgresHook("warehouse").get_conn()) as connection:
            return replace_day(connection, day, orders)

    load()


load_database()
