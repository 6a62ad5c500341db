"""A task whose process dies without a word on its first try, beside one that must not notice.

`bystander_s` in its conf says for how long that one works, if not for as long as the fault takes to be recovered from.
"""

import os
import time
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

# The bystander runs before the fault and until it is noticed and recovered from: all of it may disturb it.
VICTIM_S = 10
BYSTANDER_S = 60


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_hard_exit() -> None:
    @task(retries=1, retry_delay=timedelta(seconds=1))
    def victim() -> None:
        if get_current_context()["ti"].try_number == 1:
            time.sleep(VICTIM_S)
            os._exit(9)

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def bystander() -> None:
        time.sleep(get_current_context()["dag_run"].conf.get("bystander_s", BYSTANDER_S))

    victim()
    bystander()


e2e_hard_exit()
