"""Settings of tasks: the keys of the Secret `airflow-variables`, which are environment variables of every task."""

import os

from airflow.sdk.exceptions import AirflowFailException


def require(name: str) -> str:
    """Return an environment variable; a missing one fails the task for good, since no retry can bring it."""
    value = os.environ.get(name)
    if not value:
        raise AirflowFailException(
            f"the environment variable {name} is not set: add it to the Secret airflow-variables"
        )
    return value
