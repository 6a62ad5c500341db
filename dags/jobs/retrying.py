"""When a request to another service is tried again."""

from datetime import timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy

from jobs.errors import RejectedError, UnavailableError


class AsTheServiceSays(RetryPolicy):
    """Never repeats what the service has refused, and waits as long as it asked for.

    All else is left to the task's own `retries`, `retry_delay` and backoff, which also bound this.
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002 - RetryPolicy's
        max_tries: int,  # noqa: ARG002 - likewise
        context: Any = None,  # noqa: ARG002 - likewise
    ) -> RetryDecision:
        """Return what to do after a failed try."""
        if isinstance(exception, RejectedError):
            return RetryDecision.fail(str(exception))
        if isinstance(exception, UnavailableError) and exception.retry_after_s is not None:
            return RetryDecision.retry(timedelta(seconds=exception.retry_after_s), str(exception))
        return RetryDecision.default()
