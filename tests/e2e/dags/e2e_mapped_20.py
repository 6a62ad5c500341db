"""Twenty mapped tasks at once."""

from airflow.sdk import dag, task


@dag(schedule=None, catchup=False, tags=["e2e"], max_active_tasks=20)
def e2e_mapped_20() -> None:
    @task
    def work(number: int) -> int:
        return number

    work.expand(number=list(range(20)))


e2e_mapped_20()
