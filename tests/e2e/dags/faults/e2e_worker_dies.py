"""A task that comes to harm on its first try alone, by the way that the run's parameter names."""

import logging
import os
import signal
import time
from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task

# Longer than any test: what is harmed from outside ends only by that.
WAIT_S = 600


@dag(schedule=None, catchup=False, tags=["e2e", "fault"], params={"how": Param("wait"), "seconds": Param(WAIT_S)})
def e2e_worker_dies() -> None:
    @task(retries=1, retry_delay=timedelta(seconds=1))
    def victim() -> None:
        context = get_current_context()
        if context["ti"].try_number > 1:
            return
        how = context["params"]["how"]
        if how == "raises":
            raise ValueError("the first try fails")
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "aborts":
            os.abort()
        if how == "supervisor":
            os.kill(os.getppid(), signal.SIGKILL)
        logging.getLogger(__name__).info("at work")
        time.sleep(context["params"]["seconds"])

    victim()


e2e_worker_dies()
