"""Steps: their order, and what is reported of them."""

from dataclasses import dataclass, field

import pytest

from harness.errors import HarnessError
from harness.steps import Outcome, Pace, Progress, Say, Step, run_steps

from .fakes.clock import FakeTime


@dataclass
class Listener:
    heard: list[tuple[str, ...]] = field(default_factory=list)

    def started(self, name: str) -> None:
        self.heard.append(("started", name))

    def said(self, text: str) -> None:
        self.heard.append(("said", text))

    def ended(self, name: str, outcome: Outcome, seconds: float) -> None:
        assert seconds >= 0
        self.heard.append(("ended", name, outcome))


def fail(_: Say) -> None:
    raise HarnessError("it broke")


def test_done_step_is_not_run_and_the_others_are_in_order() -> None:
    listener = Listener()
    steps = [
        Step("first", lambda: True, fail),
        Step("second", lambda: False, lambda say: say("working")),
    ]
    run_steps(steps, listener)
    assert listener.heard == [
        ("started", "first"),
        ("ended", "first", "unchanged"),
        ("started", "second"),
        ("said", "working"),
        ("ended", "second", "done"),
    ]


def test_failure_is_reported_and_ends_the_list() -> None:
    listener = Listener()
    steps = [Step("first", lambda: False, fail), Step("second", lambda: False, lambda _: None)]
    with pytest.raises(HarnessError, match="it broke"):
        run_steps(steps, listener)
    assert listener.heard == [("started", "first"), ("ended", "first", "failed")]


def test_interrupt_while_looking_is_reported_too() -> None:
    def interrupt() -> bool:
        raise KeyboardInterrupt

    listener = Listener()
    with pytest.raises(KeyboardInterrupt):
        run_steps([Step("first", interrupt, fail)], listener)
    assert listener.heard[-1] == ("ended", "first", "failed")


def test_step_that_only_checks_is_run_and_reported_as_checked() -> None:
    listener = Listener()
    run_steps([Step("input", None, lambda _: None)], listener)
    assert listener.heard == [("started", "input"), ("ended", "input", "checked")]


def test_progress_is_a_text_with_its_numbers() -> None:
    progress = Progress(3, 8, "layers")
    assert (progress, progress.done, progress.total) == ("3 of 8 layers", 3, 8)


def test_log_gets_every_text_and_progress_now_and_then(time: FakeTime) -> None:
    pace = Pace(every_s=10, clock=time.clock)
    pace.start()
    seen = []
    for number in range(25):
        seen += [number] if pace.is_due(Progress(number, 25, "layers")) else []
        assert pace.is_due("a text")
        time.clock.sleep(1)
    assert seen == [10, 20]
