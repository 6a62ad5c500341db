"""Until when a run must have ended, and what happens when it has not.

Airflow 3 has deadlines in place of SLAs. The scheduler notices a missed one while the run still goes on, marks the run
in the UI, and counts the metric `deadline_alerts.deadline_missed`. The callback runs in the triggerer: the
KubernetesExecutor of this version runs no callbacks, so a synchronous one would not be called.
"""

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference

log = logging.getLogger(__name__)


async def report_missed(context: dict[str, Any]) -> str:
    """Log the run that is late, for whoever is alerted by the logs; returns the line."""
    run = context["dag_run"]
    line = (
        f"deadline missed: run {run['dag_run_id']} of DAG {run['dag_id']} is {run['state']} since {run['start_date']}"
    )
    log.error(line)
    return line


def finish_within(limit: timedelta) -> DeadlineAlert:
    """Return a deadline for a DAG: its runs end, with all retries, within `limit` after they were queued."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=limit,
        callback=AsyncCallback(report_missed),
        name=f"finished within {limit}",
    )
