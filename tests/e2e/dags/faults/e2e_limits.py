"""Six mapped tasks under a limit on how many may run: `max_active_tasks` of one DAG, a pool of the other."""

import time
from typing import Any

from airflow.sdk import DAG, task

TASKS = 6
WORK_S = 4


def add_work(**options: Any) -> None:
    @task(**options)
    def work(number: int) -> int:
        time.sleep(WORK_S)
        return number

    work.expand(number=list(range(TASKS)))


with DAG("e2e_max_active_tasks", schedule=None, catchup=False, tags=["e2e", "fault"], max_active_tasks=2):
    add_work()

with DAG("e2e_pool", schedule=None, catchup=False, tags=["e2e", "fault"]):
    add_work(pool="e2e_pool_of_two")
