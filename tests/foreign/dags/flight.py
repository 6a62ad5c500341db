"""One task that waits on its first try, so that a test has a pod to delete."""

import time
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task


@dag(schedule=None, catchup=False)
def flight() -> None:
    @task(retries=1, retry_delay=timedelta(seconds=1))
    def fly(seconds: str) -> str:
        if get_current_context()["ti"].try_number == 1:
            time.sleep(float(seconds))
        return "landed"

    fly("{{ dag_run.conf.get('seconds', 0) }}")


flight()
