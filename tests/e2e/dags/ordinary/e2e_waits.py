"""Tasks that wait without a worker: one is rescheduled once, one is deferred."""

from datetime import timedelta

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import dag, get_current_context, task

WAIT_S = 5


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_waits() -> None:
    @task.sensor(poke_interval=2, timeout=120, mode="reschedule")
    def reschedule() -> bool:
        context = get_current_context()
        return context["ti"].get_first_reschedule_date(context) is not None

    reschedule()
    TimeDeltaSensor(task_id="defer", delta=timedelta(seconds=WAIT_S), deferrable=True)


e2e_waits()
