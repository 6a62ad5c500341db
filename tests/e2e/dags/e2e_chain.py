"""Three tasks, one after the other."""

from airflow.sdk import dag, task


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_chain() -> None:
    @task
    def link(position: int) -> int:
        return position + 1

    link.override(task_id="third")(link.override(task_id="second")(link.override(task_id="first")(0)))


e2e_chain()
