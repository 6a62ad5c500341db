"""Asks the Registry every night for the export of the day before, through its API.

**API.** `REGISTRY_URL` and `REGISTRY_TOKEN` of the Secret `airflow-variables`.
**Retries.** Five, after 30 s, 60 s, 120 s, ..., or after the time that the API asks for (`Retry-After`). What the API
refuses, such as a wrong token, fails at once.
**Rerun.** Safe: all tries of a run send the same idempotency key, so the Registry makes one export for a run, also when
its answer was lost. Clearing the task gives the same export again, a new run makes a new one.
**Catchup.** Off: nobody wants the exports of missed days all at once. For one of them, trigger a run with its `day`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, get_current_context, task

from jobs.days import DAY, day_of_run
from jobs.deadlines import finish_within
from jobs.retrying import AsTheServiceSays
from jobs.settings import require


@dag(
    schedule="15 1 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,  # runs are about different days, so one that waits for its next try holds up no other
    default_args={"owner": "registry"},
    params={"day": DAY},
    deadline=finish_within(timedelta(hours=1)),
    tags=["job", "api"],
    doc_md=__doc__,
)
def call_api() -> None:
    """Call an API."""

    @task(
        retries=5,
        retry_delay=timedelta(seconds=30),
        retry_exponential_backoff=2,
        max_retry_delay=timedelta(minutes=10),
        retry_policy=AsTheServiceSays(),
        execution_timeout=timedelta(minutes=2),
    )
    def request() -> str:
        """Ask for the export, and return its id."""
        from jobs.exports import connect, request_export

        ti = get_current_context()["ti"]
        with connect(require("REGISTRY_URL"), require("REGISTRY_TOKEN")) as client:
            return request_export(client, day_of_run(), key=f"{ti.dag_id}/{ti.run_id}/{ti.task_id}")

    request()


call_api()
