"""A task that ends every process that it may on its first try, if the conf says so, beside one that must not notice."""

import os
import signal
import time
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

# Both are at work before the fault, and the bystander until it is undone, so that all of it may disturb it.
VICTIM_S = 5
BYSTANDER_S = 45
EVERY_PROCESS = -1


@dag(schedule=None, catchup=False, tags=["e2e", "fault"])
def e2e_selfish() -> None:
    @task(retries=1, retry_delay=timedelta(seconds=1))
    def victim() -> None:
        context = get_current_context()
        if not context["dag_run"].conf["is_selfish"]:
            time.sleep(BYSTANDER_S)
        elif context["ti"].try_number == 1:
            time.sleep(VICTIM_S)
            os.kill(EVERY_PROCESS, signal.SIGKILL)

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def bystander() -> None:
        time.sleep(BYSTANDER_S)

    victim()
    bystander()


e2e_selfish()
