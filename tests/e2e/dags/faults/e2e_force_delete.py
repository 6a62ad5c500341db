"""A task that waits on its first try to have its pod deleted, beside one that must not notice."""

import time
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

# Longer than any test: the first try ends only by the fault.
VICTIM_S = 600
BYSTANDER_S = 30


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_force_delete() -> None:
    @task(retries=1, retry_delay=timedelta(seconds=1))
    def victim() -> None:
        if get_current_context()["ti"].try_number == 1:
            time.sleep(VICTIM_S)

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def bystander() -> None:
        time.sleep(BYSTANDER_S)

    victim()
    bystander()


e2e_force_delete()
