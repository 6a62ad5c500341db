"""Eight mapped tasks at once."""

import time

from airflow.sdk import dag, task

TASKS = 8
# All eight pods are made before the first can be over.
WORK_S = 5


@dag(schedule=None, catchup=False, tags=["e2e"], max_active_tasks=TASKS)
def e2e_burst() -> None:
    @task
    def work(number: int) -> int:
        time.sleep(WORK_S)
        return number

    work.expand(number=list(range(TASKS)))


e2e_burst()
