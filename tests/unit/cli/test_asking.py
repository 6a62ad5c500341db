"""The question before a protected environment is changed: whom it is spared."""

from pathlib import Path

import pytest

from harness.cli import asking
from harness.environment import Environment
from harness.errors import UsageError

from .invoke import invoke

VERBS = ["up", "down", "stop", "pause", "reset"]


@pytest.fixture(autouse=True)
def nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_PROTECTED", "true")
    monkeypatch.setattr(asking, "has_terminal", lambda: False)


@pytest.mark.parametrize("verb", VERBS)
def test_verb_does_its_work_only_with_a_yes(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(Environment, verb, lambda *_, **__: done.append(verb))
    assert isinstance(invoke(verb).exception, UsageError)
    assert done == []
    assert invoke(verb, "--yes").exit_code == 0
    assert done == [verb]


@pytest.mark.parametrize("verb", ["start", "resume"])
def test_verb_that_takes_nothing_away_does_not_ask(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(Environment, verb, lambda *_, **__: done.append(verb))
    assert invoke(verb).exit_code == 0
    assert done == [verb]


@pytest.mark.parametrize("words", [*VERBS, "restore a.backup"])
def test_verb_is_refused_elsewhere_without_a_question(words: str, project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.harness.environments.staging]\ncontext = "t"\nkubeconfig = "k"\n')
    error = invoke("--name", "staging", *words.split()).exception
    assert isinstance(error, UsageError)
    assert f"`{words.split(maxsplit=1)[0]}` is not for `staging`" in str(error)
