"""When Airflow retries a task with exponential backoff: what looks random is a hash of the try.

The formula is that of Airflow 3.3.2, `TaskInstance.next_retry_datetime` in `airflow/models/taskinstance.py`.
"""

import hashlib
import math

LONGEST_S = 24 * 60 * 60


def backoff_s(
    dag_id: str,
    task_id: str,
    try_number: int,
    *,
    delay_s: float,
    multiplier: float,
    max_delay_s: float = LONGEST_S,
    logical_date: str = "None",
) -> float:
    """Return the seconds from the end of try `try_number` to its retry.

    `multiplier` is the task's `retry_exponential_backoff`, `logical_date` that of the run as Python writes it: `None`
    for a run that was triggered without one.
    """
    least = max(1, math.ceil(delay_s * multiplier ** (try_number - 1)))
    digest = hashlib.sha1(f"{dag_id}#{task_id}#{logical_date}#{try_number}".encode(), usedforsecurity=False).hexdigest()
    return min(least + int(digest, 16) % least, max_delay_s, LONGEST_S)
