"""Two tasks that fail on their first two tries and wait longer each time; one of them no longer than its limit."""

from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

FAILURES = 2


def fail_at_first() -> None:
    if get_current_context()["ti"].try_number <= FAILURES:
        raise RuntimeError("the first tries fail")


@dag(schedule=None, catchup=False, tags=["e2e", "fault"])
def e2e_backoff() -> None:
    waits = task(fail_at_first)
    often = {"retries": FAILURES, "retry_delay": timedelta(seconds=4), "retry_exponential_backoff": 2.0}
    waits.override(task_id="free", **often)()
    waits.override(task_id="limited", max_retry_delay=timedelta(seconds=5), **often)()


e2e_backoff()
