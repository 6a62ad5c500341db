"""A task that takes its settings from the environment.

Every key of the Secret `airflow-variables`, which a person manages by hand, is an environment variable of every task. A
pod takes its values when it starts, so the next task has a new one. This DAG needs the key `GREETING`.
"""

from airflow.sdk import dag, task

from jobs.settings import require


@dag(schedule=None, catchup=False, tags=["example"], default_args={"owner": "platform"}, doc_md=__doc__)
def variables() -> None:
    """Read an environment variable."""

    @task
    def greet() -> int:
        """Use the greeting and return its length; the value itself is nobody's business but the task's."""
        return len(require("GREETING"))

    greet()


variables()
