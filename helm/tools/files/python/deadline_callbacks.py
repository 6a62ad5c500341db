"""What happens when a run misses its deadline.

The triggerer calls this, and it has no code of the DAGs: callbacks live here, where every component finds them.
"""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)


async def report_missed(context: dict[str, Any]) -> str:
    """Log the run that is late, for whoever watches the triggerer's log; returns the line."""
    run = context["dag_run"]
    line = f"deadline missed: run {run['dag_run_id']} of DAG {run['dag_id']}, which is {run['state']}"
    log.error(line)
    return line
