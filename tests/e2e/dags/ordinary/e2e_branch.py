"""A branch, tasks that need no worker, and one that skips itself."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowSkipException


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_branch() -> None:
    @task.branch
    def choose() -> list[str]:
        return ["work", "skip_itself"]

    @task
    def work() -> None:
        """Do nothing."""

    @task
    def other() -> None:
        """Never run."""

    @task
    def skip_itself() -> None:
        raise AirflowSkipException("nothing to do")

    end = EmptyOperator(task_id="end", trigger_rule="none_failed_min_one_success")
    EmptyOperator(task_id="start") >> choose() >> [work(), other(), skip_itself()] >> end


e2e_branch()
