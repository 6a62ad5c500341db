"""The faults of a test: none counts that does not prove that it acted, and each is on the chart."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from harness.faults.injection import FaultError, Faults

from ..observe.samples import at


class Recorder:
    def __init__(self) -> None:
        self.marks: list[tuple[str, object]] = []

    def mark(self, text: str, *, when: object = None) -> None:
        self.marks.append((text, when))


@pytest.fixture
def recorder() -> Any:
    return Recorder()


@pytest.fixture
def time() -> SimpleNamespace:
    return SimpleNamespace(now=at(0))


@pytest.fixture
def faults(recorder: Any, time: SimpleNamespace) -> Faults:
    return Faults(recorder, now=lambda: time.now)


def action(proof: str, log: list[str]) -> Any:
    @contextmanager
    def act() -> Iterator[str]:
        log.append("done")
        try:
            yield proof
        finally:
            log.append("undone")

    return act()


def test_fault_is_marked_where_it_began_and_undone(faults: Faults, recorder: Recorder, time: SimpleNamespace) -> None:
    log: list[str] = []
    with fault_at(faults, time, log) as injection:
        log.append("in between")
    assert log == ["done", "in between", "undone"]
    assert recorder.marks == [("it dies: it is dead", at(0))]
    assert injection.recovery_s == 7
    faults.check_acted()


@contextmanager
def fault_at(faults: Faults, time: SimpleNamespace, log: list[str]) -> Iterator[Any]:
    with faults("it dies", action("it is dead", log)) as injection:
        time.now = at(7)
        faults.note_recovery(injection)
        yield injection


def test_fault_without_a_proof_is_an_error_and_undone(faults: Faults, recorder: Recorder) -> None:
    log: list[str] = []
    with pytest.raises(FaultError, match="it dies"), faults("it dies", action("", log)):
        pytest.fail("the block must not run")
    assert log == ["done", "undone"]
    assert not recorder.marks
    with pytest.raises(FaultError, match="it dies"):
        faults.check_acted()


def test_fault_of_a_dag_s_own_is_marked_when_it_happened(faults: Faults, recorder: Recorder) -> None:
    injection = faults.note("it exits", "exit code 9", at(3))
    assert recorder.marks == [("it exits: exit code 9", at(3))]
    assert injection.recovery_s is None
    faults.check_acted()


@pytest.mark.parametrize(("proof", "when"), [("", at(3)), ("exit code 9", None)])
def test_fault_of_a_dag_s_own_that_was_not_seen_is_an_error(faults: Faults, proof: str, when: Any) -> None:
    with pytest.raises(FaultError, match="it exits"):
        faults.note("it exits", proof, when)


def test_test_without_a_fault_proves_nothing(faults: Faults) -> None:
    with pytest.raises(FaultError, match="none was injected"):
        faults.check_acted()
