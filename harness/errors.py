"""The errors that a person is meant to read: what happened, where, whose matter it is, and what to do next."""

from dataclasses import dataclass
from typing import ClassVar, Literal

Party = Literal["product", "Airflow", "cluster", "host"]


@dataclass(frozen=True)
class Verb:
    """What to call the harness with next, such as `logs scheduler`; `does` is what that does, in the third person.

    Only the surface knows how the harness is called and which environment is meant: it puts both before the verb.
    """

    words: str
    does: str = ""

    def put_in_words(self, command: str) -> str:
        """Return it as one types it, `command` being what calls the harness."""
        return f"`{command} {self.words}` {self.does}" if self.does else f"{command} {self.words}"


Advice = str | Verb | tuple["Advice", ...]


class HarnessError(Exception):
    """Something that the harness was asked to do did not happen.

    `str(error)` is the whole message, `advice` what the reader can do about it. `party` is whose matter it is:
    `product` is this project with its chart and its DAGs. Exit code 1.
    """

    exit_code: ClassVar[int] = 1
    party: Party = "product"

    def __init__(self, what: str, *, next_step: Advice = (), party: Party | None = None) -> None:
        super().__init__(what)
        self.advice = next_step
        if party:
            self.party = party

    @property
    def next_step(self) -> str:
        """What to do next, for whoever calls the harness by its name alone."""
        return put_in_words(self.advice, "harness")


def put_in_words(advice: Advice, command: str) -> str:
    """Return advice as one line, `command` being what calls the harness for the environment that is meant."""
    if isinstance(advice, tuple):
        return "; ".join(filter(None, (put_in_words(item, command) for item in advice)))
    return advice if isinstance(advice, str) else advice.put_in_words(command)


class Interrupted(HarnessError):  # noqa: N818 - the person's own wish is no error
    """A person ended it; the message says what goes on all the same. Exit code 130."""

    exit_code = 130


class UsageError(HarnessError):
    """The request or the host does not allow it, so nothing was started. Exit code 2."""

    exit_code = 2


class HostError(UsageError):
    """This machine lacks what it needs, so nothing was started."""

    party = "host"
