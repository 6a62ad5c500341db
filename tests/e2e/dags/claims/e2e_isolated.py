"""A task whose process exits without a word on its first try, beside one that must not notice."""

import os
import time
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

# The sibling runs before the exit and after it, so that it is a witness.
VICTIM_S = 10
SIBLING_S = 35


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_isolated() -> None:
    @task(retries=1, retry_delay=timedelta(seconds=1))
    def victim() -> None:
        if get_current_context()["ti"].try_number == 1:
            time.sleep(VICTIM_S)
            os._exit(9)

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def sibling() -> None:
        time.sleep(SIBLING_S)

    victim()
    sibling()


e2e_isolated()
