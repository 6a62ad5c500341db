"""What Airflow keeps in its audit log alone: in which pods a try began, and why a try has no pod."""

import json
import re

from harness.tools.airflow import AirflowApi
from harness.tools.airflow_records import EventLog, TaskKey

BEGUN, REFUSED = "running", "state mismatch"
# The body of Kubernetes' answer, in the text of the client's error.
MESSAGE = re.compile(r'"message": ?("(?:[^"\\]|\\.)*")')


def find_starts(airflow: AirflowApi, dag_id: str, run_id: str) -> dict[TaskKey, list[str]]:
    """Return for each try of a run the hostnames of the pods that it began in, first to last.

    A try begins again when it was deferred or rescheduled. Raises AirflowApiError when Airflow does not answer.
    """
    starts: dict[TaskKey, list[str]] = {}
    for line in airflow.event_logs(dag_id, run_id, event=BEGUN):
        host = json.loads(line.extra or "{}").get("host_name")
        if host:
            starts.setdefault(_key(line), []).append(host)
    return starts


def find_refusal(airflow: AirflowApi, dag_id: str, run_id: str, key: TaskKey) -> str:
    """Return Kubernetes' reason not to make the pod of a try, or an empty string when Airflow tells of none.

    Raises AirflowApiError when Airflow does not answer.
    """
    for line in airflow.event_logs(dag_id, run_id, event=REFUSED):
        if _key(line) == key:
            found = MESSAGE.search(line.extra)
            return str(json.loads(found[1])) if found else ""
    return ""


def _key(line: EventLog) -> TaskKey:
    return TaskKey(line.task_id or "", -1 if line.map_index is None else line.map_index, line.try_number or 0)
