"""Tasks that wait without a worker: one is rescheduled once, one is deferred, however slow the machine is."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, dag, get_current_context, task


class Defer(BaseOperator):
    """Waits in the triggerer for two seconds."""

    def execute(self, context: Any) -> None:  # noqa: ARG002 - Airflow gives it
        """Wait."""
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=2)), method_name="resume")

    def resume(self, context: Any, event: Any) -> None:
        """Do nothing more."""


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_waits() -> None:
    @task.sensor(poke_interval=2, timeout=120, mode="reschedule")
    def reschedule() -> bool:
        context = get_current_context()
        return context["ti"].get_first_reschedule_date(context) is not None

    reschedule()
    Defer(task_id="defer")


e2e_waits()
