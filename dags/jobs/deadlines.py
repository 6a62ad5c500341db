"""Until when a run must have ended, and what happens when it has not.

Airflow 3 has deadlines in place of SLAs. The scheduler notices a missed one while the run still goes on, marks the run
in the UI, and counts the metric `deadline_alerts.deadline_missed`. Then the triggerer calls the callback. It has to be
one that the triggerer can import, which is no code of the DAGs; a synchronous one would never be called, since the
KubernetesExecutor runs none (cncf-kubernetes 10.25.0).
"""

from datetime import timedelta

from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference

# Of the chart: helm/tools/files/python/deadline_callbacks.py.
REPORT = "deadline_callbacks.report_missed"


def finish_within(limit: timedelta) -> DeadlineAlert:
    """Return a deadline for a DAG: its runs end, with all retries, within `limit` after they were queued."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=limit,
        callback=AsyncCallback(REPORT),
        name=f"finished within {limit}",
    )
