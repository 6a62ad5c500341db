"""Errors: a message, a next step and an exit code."""

from harness.errors import HarnessError, UsageError


def test_message_and_next_step_are_apart() -> None:
    error = HarnessError("it broke", next_step="mend it")
    assert str(error) == "it broke"
    assert error.next_step == "mend it"


def test_exit_codes_are_those_of_the_documentation() -> None:
    assert HarnessError("it failed").exit_code == 1
    assert UsageError("not on this host").exit_code == 2
    assert isinstance(UsageError("x"), HarnessError)
