"""Texts of DAGs that tests write, edit and take away."""

SAY = """
from airflow.sdk import dag, task


@dag(schedule=None, catchup=False, tags=["e2e"])
def {dag_id}() -> None:
    @task
    def say() -> str:
        return "{word}"

    say()


{dag_id}()
"""

# Its module is imported by both tasks, so a task that ran in a mixture of versions would say so.
TWO_STEPS = """
import time

from airflow.sdk import dag, task

from e2e_steps.words import WORD


@dag(schedule=None, catchup=False, tags=["e2e"], params={{"seconds": 0}})
def {dag_id}() -> None:
    @task
    def first(params: dict | None = None) -> str:
        time.sleep(params["seconds"])
        return "{word}" + WORD

    @task
    def second(before: str) -> str:
        return "{word}" + WORD

    second(first())


{dag_id}()
"""


def say(dag_id: str, word: str) -> str:
    """Return a DAG whose one task returns `word`."""
    return SAY.format(dag_id=dag_id, word=word)


def two_steps(dag_id: str, word: str) -> str:
    """Return a DAG whose two tasks each return `word` and that of their package."""
    return TWO_STEPS.format(dag_id=dag_id, word=word)
