"""Hears how steps go."""

from dataclasses import dataclass, field

from harness.steps import Outcome


@dataclass
class FakeReporter:
    """`outcomes` is what each step ended with, in order; `texts` is what was said."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def started(self, name: str) -> None:
        """Say nothing: every step that starts ends."""

    def said(self, text: str) -> None:
        """Keep the text."""
        self.texts.append(text)

    def ended(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Keep the outcome."""
        assert seconds >= 0
        self.outcomes[name] = outcome
