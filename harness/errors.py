"""The errors that a person is meant to read: what happened, where, and the next step."""


class HarnessError(Exception):
    """Something that the harness was asked to do did not happen.

    `str(error)` is the whole message; `next_step` is what the reader can do about it. Exit code 1.
    """

    exit_code = 1

    def __init__(self, what: str, *, next_step: str = "") -> None:
        super().__init__(what)
        self.next_step = next_step


class Interrupted(HarnessError):  # noqa: N818 - the person's own wish is no error
    """A person ended it; the message says what goes on all the same. Exit code 130."""

    exit_code = 130


class UsageError(HarnessError):
    """The request or the host does not allow it, so nothing was started. Exit code 2."""

    exit_code = 2
