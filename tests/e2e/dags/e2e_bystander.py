"""A DAG run of its own that goes on beside a fault; `seconds` in its conf says for how long."""

import logging
import time
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

log = logging.getLogger(__name__)


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_bystander() -> None:
    @task(retries=1, retry_delay=timedelta(seconds=1))
    def wait() -> None:
        seconds = get_current_context()["dag_run"].conf["seconds"]
        log.info("waiting for %d s", seconds)
        time.sleep(seconds)

    wait()


e2e_bystander()
