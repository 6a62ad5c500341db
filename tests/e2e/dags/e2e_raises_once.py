"""A task that raises on its first try."""

from datetime import timedelta

from airflow.sdk import dag, get_current_context, task


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_raises_once() -> None:
    @task(retries=1, retry_delay=timedelta(seconds=5))
    def flaky() -> None:
        if get_current_context()["ti"].try_number == 1:
            raise RuntimeError("the first try fails")

    flaky()


e2e_raises_once()
