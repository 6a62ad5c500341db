"""The smallest useful chain: three tasks, each in a worker pod of its own, that hand a value on.

Start it to see that the environment works. It needs nothing and changes nothing.
"""

import logging
import socket

from airflow.sdk import dag, task

log = logging.getLogger(__name__)


@dag(schedule=None, catchup=False, tags=["example"], doc_md=__doc__)
def hello() -> None:
    """Chain three tasks."""

    @task
    def greet() -> str:
        """Say hello from the pod that this runs in."""
        return f"hello from {socket.gethostname()}"

    @task
    def pass_on(greeting: str) -> str:
        """Add this pod to the greeting."""
        return f"{greeting}, by way of {socket.gethostname()}"

    @task
    def receive(greeting: str) -> None:
        """Log what came through."""
        log.info("received: %s", greeting)

    receive(pass_on(greet()))


hello()
