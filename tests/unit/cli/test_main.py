"""The command as a person types it: exit codes and messages."""

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.cli import app
from harness.environment import Environment
from harness.errors import HarnessError, UsageError, Verb
from harness.redact import remember_secrets

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a command line in a project of its own and returns code, output and errors."""
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["harness", *words])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        captured = capsys.readouterr()
        code = caught.value.code
        assert isinstance(code, int)
        return code, captured.out, re.sub(r"what ran: .*\n", "", captured.err)

    return run


def let_up(monkeypatch: pytest.MonkeyPatch, outcome: BaseException | None) -> list[Environment]:
    """Let `up` end so; return the environments that it was called on."""
    seen: list[Environment] = []

    def up(self: Environment, _: object) -> None:
        seen.append(self)
        if outcome:
            raise outcome

    monkeypatch.setattr(Environment, "up", up)
    return seen


def test_success_is_0_and_tells_where_airflow_is(harness: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    let_up(monkeypatch, None)
    code, out, _ = harness("up")
    assert code == 0
    assert "Airflow is up at http://127.0.0.1:8080" in out


def test_flags_reach_the_environment(harness: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = let_up(monkeypatch, None)
    code, out, _ = harness("--name", "ci", "--images", "mirrors", "up", "--workers", "2")
    assert code == 0
    settings = seen[0].settings
    assert (settings.name, settings.images, settings.workers) == ("ci", "mirrors", 2)
    assert "--name ci" in out


def test_failure_is_1_with_message_and_next_step(harness: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    let_up(monkeypatch, HarnessError("the cluster is not ready", next_step="harness logs"))
    assert harness("up") == (1, "", "error: the cluster is not ready\nnext:  harness logs\n")


def test_next_step_names_the_environment(harness: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    let_up(monkeypatch, HarnessError("no", next_step=(Verb("logs", "tells more"), Verb("down"))))
    words = "next:  `harness --name ci logs` tells more; harness --name ci down\n"
    assert harness("--name", "ci", "up")[2] == f"error: no\n{words}"
    monkeypatch.setenv("HARNESS_NAME", "ci")
    assert harness("up")[2] == f"error: no\n{words}"


def test_failure_names_the_file_with_what_ran(
    harness: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    let_up(monkeypatch, HarnessError("the cluster is not ready"))
    harness("--name", "ci", "up")
    (log,) = (tmp_path / "state" / "logs" / "ci").iterdir()
    monkeypatch.setattr(sys, "argv", ["harness", "--name", "ci", "up"])
    with pytest.raises(SystemExit):
        cli.main()
    named = [line for line in capsys.readouterr().err.splitlines() if line.startswith("what ran: ")]
    assert [Path(line.removeprefix("what ran: ")).parent for line in named] == [log.parent]


def test_host_that_does_not_allow_it_is_2(harness: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    let_up(monkeypatch, UsageError("port 8080 is taken"))
    assert harness("up") == (2, "", "error: port 8080 is taken\n")


def test_interrupt_is_130_and_says_how_to_go_on(harness: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    let_up(monkeypatch, KeyboardInterrupt())
    code, _, err = harness("up")
    assert code == 130
    assert "`harness up` goes on from here, `harness down` removes it" in " ".join(err.split())


@pytest.mark.parametrize("words", ["down", "stop", "reset", "status", "dags rollback", "--name ci dags rollback"])
def test_interrupt_of_another_verb_says_run_it_again(harness: Run, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for verb in ("down", "check_exists", "check_runs"):
        monkeypatch.setattr(Environment, verb, interrupt)
    code, _, err = harness(*words.split())
    assert code == 130
    assert err.strip().splitlines()[-1] == "interrupted; run it again"


def test_term_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(app, "app", lambda **_: os.kill(os.getpid(), 0))
    cli.main()
    with pytest.raises(KeyboardInterrupt):
        handlers[signal.SIGTERM](signal.SIGTERM, None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["up", "--workers", "many"], "--workers"),
        (["up", "--nope"], "No such option: --nope"),
        (["--name", "Bad_Name", "up"], "bad settings: name"),
        (["--images", "attic", "up"], "bad settings: images"),
    ],
)
def test_bad_usage_is_2_with_one_message_and_no_traceback(harness: Run, words: list[str], message: str) -> None:
    code, _, err = harness(*words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_folder_that_is_no_project_is_2(
    harness: Run, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    code, _, err = harness("up")
    assert code == 2
    assert "no pyproject.toml with a [tool.harness] table" in err


def test_help_is_0_and_lists_the_verbs(harness: Run) -> None:
    code, out, _ = harness("--help")
    assert code == 0
    for verb in ("up", "down", "status", "doctor", "dags", "test", "logs", "kubectl", "airflow", "pins"):
        assert f"  {verb} " in out


def test_secrets_are_masked_and_words_in_brackets_stay(harness: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    remember_secrets(["s3cr3t-value"])
    error = HarnessError("[bold]s3cr3t-value password=hunter22", next_step="see [tool.harness] s3cr3t-value")
    let_up(monkeypatch, error)
    _, _, err = harness("up")
    assert err == "error: [bold]*** password=***\nnext:  see [tool.harness] ***\n"


def test_command_to_paste_is_not_broken_into_lines(harness: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    command = "harness kubectl -- -n tools delete secret airflow-ui-creds " + "and more words " * 10
    let_up(monkeypatch, HarnessError("x", next_step=command.strip()))
    assert command.strip() in harness("up")[2]
