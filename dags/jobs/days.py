"""Which day a run is about."""

from datetime import date, timedelta

from airflow.sdk import Param, get_current_context

DAY = Param(
    None,
    type=["null", "string"],
    format="date",
    description="The day that the run is about; empty: the day before the run",
)


def day_of_run() -> date:
    """Return the run's parameter `day`, else the day before its logical date, both in UTC.

    A run of a schedule or a backfill has a logical date, so it is about the same day whenever it runs. A run that was
    triggered by hand may have none, and then the time of the trigger counts.
    """
    context = get_current_context()
    given = context["params"]["day"]
    if given:
        return date.fromisoformat(given)
    run = context["dag_run"]
    return (run.logical_date or run.run_after).date() - timedelta(days=1)
