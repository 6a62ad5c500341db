"""A task that fails on each of its tries, one that needs it, and one that does not."""

from datetime import timedelta

from airflow.sdk import dag, task


@dag(schedule=None, catchup=False, tags=["e2e", "fault"])
def e2e_always_raises() -> None:
    @task(retries=2, retry_delay=timedelta(seconds=1))
    def victim() -> None:
        raise ValueError("every try fails")

    @task
    def downstream() -> None:
        pass

    @task
    def sibling() -> None:
        pass

    victim() >> downstream()
    sibling()


e2e_always_raises()
