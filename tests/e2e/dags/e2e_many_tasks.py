"""As many mapped tasks at once as `tasks` in the conf says, each at work for `seconds`."""

import time

from airflow.sdk import dag, get_current_context, task


def conf(key: str) -> int:
    return int(get_current_context()["dag_run"].conf[key])


# No limit of its own: Airflow's `parallelism` alone holds the tasks back.
@dag(schedule=None, catchup=False, tags=["e2e"], max_active_tasks=1000)
def e2e_many_tasks() -> None:
    @task
    def numbers() -> list[int]:
        return list(range(conf("tasks")))

    @task
    def work(number: int) -> int:
        time.sleep(conf("seconds"))
        return number

    work.expand(number=numbers())


e2e_many_tasks()
