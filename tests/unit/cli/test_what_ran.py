"""What a command ran: shown on demand, kept in files, and never with a secret."""

import logging
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.cli.what_ran import KEPT, keep_what_runs
from harness.command import CommandError, run
from harness.errors import UsageError
from harness.parts import Outside
from harness.redact import remember_secrets
from harness.tools.docker import Docker
from harness.tools.k8s import Kubernetes

from ..fakes.airflow import FakeAirflow
from ..fakes.command import FakeCommands
from ..fakes.kubernetes import FakeApiServer
from .invoke import invoke

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def read(log: Path) -> str:
    """Return what was kept, each time that something took as `N s`."""
    return re.sub(r"\d+\.\d\d s", "N s", log.read_text())


def find_nothing() -> Docker:
    raise UsageError("no docker client")


def keep(folder: Path, verb: str = "up") -> Path:
    with keep_what_runs(folder, verb, NOON) as path:
        return path


def test_command_is_one_line_with_time_and_exit_code(commands: FakeCommands, tmp_path: Path) -> None:
    commands.on("docker", "info", returncode=0)
    with keep_what_runs(tmp_path, "up", NOON) as path:
        run(["docker", "info"], timeout_s=5)
    line = read(path).splitlines()[-1]
    assert line.partition(" ")[2] == "INFO  N s, exit code 0: docker info"
    assert path.name.startswith("20261122T120000-up-")
    assert path.stat().st_mode & 0o777 == 0o600


def test_command_that_fails_leaves_the_end_of_its_errors(commands: FakeCommands, tmp_path: Path) -> None:
    commands.on("docker", "pull", "a", returncode=1, stderr="line\n" * 40 + "no such image")
    with keep_what_runs(tmp_path, "up", NOON) as path, pytest.raises(CommandError):
        run(["docker", "pull", "a"], timeout_s=5)
    text = read(path)
    assert "exit code 1: docker pull a\n" in text
    assert text.count("line\n") == 29
    assert "no such image" in text


def test_command_that_is_missing_is_told(commands: FakeCommands, tmp_path: Path) -> None:
    commands.on("docker", "info", missing=True)
    with keep_what_runs(tmp_path, "up", NOON) as path, pytest.raises(CommandError):
        run(["docker", "info"], timeout_s=5)
    assert "N s, ended by us, or not started: docker info" in read(path)


def test_no_secret_and_no_standard_input_is_kept(
    commands: FakeCommands, kubernetes: Kubernetes, server: FakeApiServer, tmp_path: Path
) -> None:
    remember_secrets(["s3cr3t-value"])
    commands.on("helm", "--set", "password=hunter22", "s3cr3t-value", "x" * 5000, returncode=1, stderr="s3cr3t-value")
    airflow = FakeAirflow()
    with keep_what_runs(tmp_path, "up", NOON) as path:
        words = ["helm", "--set", "password=hunter22", "s3cr3t-value", "x" * 5000]
        run(words, stdin="key: of-stdin", timeout_s=5, check=False)
        kubernetes.apply(
            {"kind": "Secret", "metadata": {"name": "a", "namespace": "tools"}, "stringData": {"k": "of-the-body"}}
        )
        airflow.client().dags()
        logging.getLogger("harness.somebody").info("careless: %s", "s3cr3t-value")
    text = read(path)
    for secret in ("hunter22", "s3cr3t-value", "of-stdin", "of-the-body", "correct horse", "token-1", "xxxx"):
        assert secret not in text
    assert "[5000 characters]" in text
    assert "N s, 200: Kubernetes PATCH /api/v1/namespaces/tools/secrets/a" in text
    assert "N s, 201: Airflow POST /auth/token" in text
    assert "N s, 200: Airflow GET /api/v2/dags" in text
    assert server.requests


def test_the_newest_logs_stay(tmp_path: Path) -> None:
    for number in range(KEPT + 5):
        with keep_what_runs(tmp_path, "up", NOON + timedelta(seconds=number)):
            pass
    names = sorted(path.name[:15] for path in tmp_path.glob("*.log"))
    assert names == [f"20261122T1200{number:02}" for number in range(5, KEPT + 5)]


def test_nothing_listens_before_and_after(tmp_path: Path) -> None:
    before = (logging.getLogger("harness").level, list(logging.getLogger("harness").handlers))
    path = keep(tmp_path)
    logging.getLogger("harness").info("late")
    assert "late" not in read(path)
    assert (logging.getLogger("harness").level, logging.getLogger("harness").handlers) == before


@pytest.mark.parametrize("words", [("up",), ("down",), ("dags", "sync")])
def test_verbs_that_change_something_keep_a_log(words: tuple[str, ...], project: Path) -> None:
    outside = Outside(find_docker=find_nothing)
    assert isinstance(invoke("--name", "ci", *words, outside=outside).exception, UsageError)
    (path,) = (project / "state" / "logs" / "ci").iterdir()
    assert f"-{'-'.join(words)}-" in path.name
    assert "airflow-kind-harness" in read(path)


def test_verbose_shows_commands_on_standard_error(commands: FakeCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    commands.on(sys.executable, "-m", "pytest", "--airflow-env=dev")
    assert "exit code 0" not in invoke("test").stderr
    shown = invoke("--verbose", "test")
    assert "s, exit code 0: " in shown.stderr
    assert "-m pytest --airflow-env=dev\n" in shown.stderr
    assert shown.stdout == ""
    monkeypatch.setenv("HARNESS_VERBOSE", "1")
    assert "exit code 0" in invoke("test").stderr
