"""A task that waits in the triggerer, without a pod, until a moment that is known from its begin."""

from datetime import timedelta

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import dag

# Long enough for the triggerer to go and come back before the moment.
WAIT_S = 45


@dag(schedule=None, catchup=False, tags=["e2e", "fault"])
def e2e_deferred() -> None:
    TimeDeltaSensor(
        task_id="wait",
        delta=timedelta(seconds=WAIT_S),
        deferrable=True,
        retries=1,
        retry_delay=timedelta(seconds=1),
    )


e2e_deferred()
