"""How a request to another service fails."""


class RejectedError(Exception):
    """The service refuses the request, and would refuse it again."""


class UnavailableError(Exception):
    """The service cannot answer now; `retry_after_s` is how long it asked to be left alone, None if it did not say."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
