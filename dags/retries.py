"""A task that fails on its first try and succeeds on its second.

Each try is a pod of its own, and the second one is not made before `retry_delay` is over. So a try starts afresh:
nothing of the first one's disk or memory is left, and what a retry needs must be kept outside of the pod.
"""

from datetime import timedelta

from airflow.sdk import dag, get_current_context, task


@dag(schedule=None, catchup=False, tags=["example"], default_args={"owner": "platform"}, doc_md=__doc__)
def retries() -> None:
    """Retry a task that fails once."""

    @task(retries=2, retry_delay=timedelta(seconds=5))
    def fetch() -> str:
        """Fetch from a service that is away at first."""
        try_number = get_current_context()["ti"].try_number
        if try_number == 1:
            raise ConnectionError("the service is not there yet; the next try will find it")
        return f"fetched on try {try_number}"

    fetch()


retries()
