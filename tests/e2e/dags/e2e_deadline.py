"""A run that is still at work when its deadline passes."""

import time
from datetime import timedelta

from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference, dag, task


@dag(
    schedule=None,
    catchup=False,
    tags=["e2e"],
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(seconds=1),
        callback=AsyncCallback("deadline_callbacks.report_missed"),
    ),
)
def e2e_deadline() -> None:
    @task
    def be_late() -> None:
        time.sleep(2)

    be_late()


e2e_deadline()
