"""Tasks that wait without a worker: one is rescheduled, one is deferred."""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import dag, get_current_context, task

WAIT_S = 8


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_waits() -> None:
    @task.sensor(poke_interval=2, timeout=120, mode="reschedule")
    def reschedule() -> bool:
        begun = get_current_context()["dag_run"].start_date
        return datetime.now(UTC) - begun > timedelta(seconds=WAIT_S)

    reschedule()
    TimeDeltaSensor(task_id="defer", delta=timedelta(seconds=WAIT_S), deferrable=True)


e2e_waits()
