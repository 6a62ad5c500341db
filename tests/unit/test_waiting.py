"""Waiting: its end, its deadline, and the words that it leaves."""

from collections.abc import Iterator

import pytest

from harness.waiting import NotYet, Unreachable, WaitTimeoutError, wait_until

from .fakes.clock import FakeTime


def answers(*reasons: str) -> Iterator[NotYet | str]:
    yield from (NotYet(reason) for reason in reasons)
    yield "value"


def test_returns_what_the_probe_found_after_whole_intervals() -> None:
    time, probe = FakeTime(), answers("a", "b")
    assert wait_until("it", lambda: next(probe), timeout_s=10, interval_s=2, clock=time.clock) == "value"
    assert time.seconds == 4


def test_what_is_there_is_returned_without_sleep() -> None:
    time, probe = FakeTime(), answers()
    assert wait_until("it", lambda: next(probe), timeout_s=0, clock=time.clock) == "value"
    assert time.seconds == 0


@pytest.mark.parametrize("value", [None, False, 0, ""])
def test_value_that_is_false_is_a_value(value: object) -> None:
    assert wait_until("it", lambda: value, timeout_s=1, clock=FakeTime().clock) == value


def test_new_reason_is_told_once() -> None:
    told: list[str] = []
    probe = answers("a", "a", "b", "b", "a")
    wait_until("it", lambda: next(probe), timeout_s=10, on_change=told.append, clock=FakeTime().clock)
    assert told == ["a", "b", "a"]


def test_time_out_says_what_was_waited_for_and_its_last_state() -> None:
    time = FakeTime()
    with pytest.raises(WaitTimeoutError, match=r"cluster dev: not reached in 10 s; last seen: DNS") as caught:
        wait_until("cluster dev", lambda: NotYet("DNS"), timeout_s=10, interval_s=3, next_step="look", clock=time.clock)
    assert caught.value.next_step == "look"
    assert time.seconds == 9  # not beyond the deadline


def test_unreachable_ends_it_at_once() -> None:
    time = FakeTime()

    def probe() -> NotYet:
        raise Unreachable("the image is not there")

    with pytest.raises(Unreachable, match="the image is not there"):
        wait_until("it", probe, timeout_s=100, clock=time.clock)
    assert time.seconds == 0
