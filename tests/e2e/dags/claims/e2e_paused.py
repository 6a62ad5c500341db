"""One task of a DAG that a test pauses."""

from airflow.sdk import dag, task


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_paused() -> None:
    @task
    def work() -> None:
        pass

    work()


e2e_paused()
