"""Why a try has no pod: Airflow keeps what the executor was told in the audit log alone."""

import json
import re

from harness.observe.runs import Run
from harness.tools.airflow_records import TaskKey

EVENT = "state mismatch"
# The body of Kubernetes' answer, in the text of the client's error.
MESSAGE = re.compile(r'"message": ?("(?:[^"\\]|\\.)*")')


def why_refused(run: Run, key: TaskKey) -> str:
    """Return Kubernetes' reason not to make the pod of a try, or an empty string when Airflow tells of none.

    Raises AirflowApiError when Airflow does not answer.
    """
    for line in run.airflow.event_logs(run.dag_id, run.run_id, event=EVENT):
        index = -1 if line.map_index is None else line.map_index
        if (line.task_id, index, line.try_number) == (key.task_id, key.map_index, key.try_number):
            found = MESSAGE.search(line.extra)
            return str(json.loads(found[1])) if found else ""
    return ""
