"""Errors: a message, whose matter it is, what to do next, and an exit code."""

from harness.errors import HarnessError, HostError, UsageError, Verb, put_in_words


def test_message_and_next_step_are_apart() -> None:
    error = HarnessError("it broke", next_step="correct it")
    assert str(error) == "it broke"
    assert error.next_step == "correct it"
    assert HarnessError("it broke").next_step == ""


def test_verbs_are_put_in_words_for_the_environment_meant() -> None:
    error = HarnessError("it broke", next_step=(Verb("logs", "tells why"), "or begin anew", Verb("down")))
    command = ".venv/bin/harness --name ci"
    wanted = f"`{command} logs` tells why; or begin anew; {command} down"
    assert put_in_words(error.advice, command) == wanted
    assert error.next_step == "`harness logs` tells why; or begin anew; harness down"


def test_party_is_the_class_s_unless_the_error_has_its_own() -> None:
    assert HarnessError("x").party == "product"
    assert HostError("x").party == "host"
    assert HarnessError("x", party="Airflow").party == "Airflow"
    assert HarnessError("x").party == "product"


def test_exit_codes_are_those_of_the_documentation() -> None:
    assert HarnessError("it failed").exit_code == 1
    assert UsageError("not on this host").exit_code == 2
    assert isinstance(HostError("x"), UsageError)
