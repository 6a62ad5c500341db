"""One task, every minute; the minutes since the start date are not caught up."""

from datetime import UTC, datetime

from airflow.sdk import dag, task


@dag(
    schedule="* * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=True,
    tags=["e2e"],
)
def e2e_every_minute() -> None:
    @task
    def work() -> None:
        pass

    work()


e2e_every_minute()
