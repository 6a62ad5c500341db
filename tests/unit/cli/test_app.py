"""The verbs: what they print for people and for programs, and their exit codes."""

import json
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import typer

from harness.cli import app as cli_app
from harness.cli.output import StepPrinter
from harness.doctor import Check
from harness.environment import Environment
from harness.errors import HarnessError, UsageError, Verb
from harness.parts import Outside
from harness.settings import load_settings
from harness.status import Row
from harness.tools.k8s import Kubernetes

from ..fakes.command import FakeCommands
from ..fakes.kubernetes import FakeApiServer
from ..samples import DOCKER
from .invoke import invoke

ROOT = Path(__file__).parents[3]
GOOD = Row("cluster", "ready", "node", is_good=True)
BAD = Row("dags", "differs", "2 files", is_good=False, advice=Verb("dags sync", "delivers them"))


@pytest.fixture
def outside(kubernetes: Kubernetes) -> Outside:
    return Outside(find_docker=lambda: DOCKER, connect=lambda _: kubernetes)


@pytest.fixture
def login(server: FakeApiServer) -> None:
    login = {"username": "ada", "password": "lovelace1", "email": "ada@example.org"}
    server.put("secrets", {"metadata": {"name": "airflow-ui-creds", "namespace": "tools"}, "stringData": login})
    folder = load_settings().folder
    folder.mkdir(parents=True)
    (folder / "credentials.json").write_text(json.dumps({**login, "shown": False}))


@pytest.mark.usefixtures("login")
def test_status_is_a_table_with_url_and_login_once(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_app, "read_status", lambda _: [GOOD])
    first, second = (invoke("status", outside=outside) for _ in range(2))
    assert first.exit_code == 0
    assert first.stdout.splitlines()[0].split() == ["PART", "STATE", "DETAIL"]
    assert "URL: http://127.0.0.1:8080    user: ada" in first.stdout
    assert "password (shown once): lovelace1" in first.stdout
    assert "lovelace1" not in second.stdout
    assert "credentials.json" in second.stdout


@pytest.mark.usefixtures("login")
def test_password_is_not_used_up_when_it_could_not_be_shown(
    outside: Outside, server: FakeApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_app, "read_status", lambda _: [BAD])
    server.refusals = [OSError("no answer")]
    assert isinstance(invoke("status", outside=outside).exception, HarnessError)
    assert "lovelace1" in invoke("status", outside=outside).stdout


def test_status_for_programs_fails_when_a_part_is_not_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_app, "read_status", lambda _: [GOOD, BAD])
    monkeypatch.setattr(sys, "argv", ["harness"])
    result = invoke("--name", "ci", "status", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[1] == {
        "part": "dags",
        "state": "differs",
        "detail": "2 files; `harness --name ci dags sync` delivers them",
        "is_good": False,
    }


def test_json_holds_no_secret_and_stays_json(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Row("airflow", "unknown", 'GET ... {"password": "hunter22"}', is_good=True)
    monkeypatch.setattr(cli_app, "read_status", lambda _: [row])
    result = invoke("status", "--json")
    assert "hunter22" not in result.stdout
    assert json.loads(result.stdout)[0]["part"] == "airflow"


@pytest.mark.parametrize(("verdict", "code"), [("ok", 0), ("warning", 0), ("problem", 2)])
def test_doctor_fails_for_problems_alone_and_shows_the_cure(
    monkeypatch: pytest.MonkeyPatch, verdict: Any, code: int
) -> None:
    check = Check("go", verdict, "1.20 on PATH", "see [tool.harness]")
    monkeypatch.setattr(Environment, "examine", lambda _: [check])
    result = invoke("doctor")
    assert result.exit_code == code
    assert "1.20 on PATH -> see [tool.harness]" in result.stdout
    shown = invoke("doctor", "--json")
    assert shown.exit_code == code
    assert json.loads(shown.stdout)[0]["verdict"] == verdict


def test_logs_of_one_component_are_masked(outside: Outside, server: FakeApiServer) -> None:
    for name in ("scheduler", "triggerer"):
        labels = {"app.kubernetes.io/component": name}
        spec = {"containers": [{"name": "main"}]}
        server.put("pods", {"metadata": {"name": f"{name}-0", "namespace": "tools", "labels": labels}, "spec": spec})
        server.logs[f"{name}-0"] = f"{name} started [bold] password=hunter22"
    result = invoke("logs", "scheduler", "--tail", "5", outside=outside)
    assert "scheduler started [bold] password=***" in result.stdout
    assert "triggerer" not in result.stdout
    assert server.requests[-1].query["tailLines"] == "5"
    assert "triggerer started" in invoke("logs", outside=outside).stdout
    error = invoke("logs", "nobody", outside=outside).exception
    assert isinstance(error, UsageError)
    assert str(error) == "no pod or component `nobody` in tools"


def test_kubectl_runs_in_the_node_and_gives_its_code(
    outside: Outside, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_app, "_has_tty", lambda: False)
    node = ["docker", "exec", "-i", "harness-ci-control-plane", "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf"]
    commands.on(*node, "get", "pods", "-A", "--watch", returncode=3)
    words = ("--name", "ci", "kubectl", "--", "get", "pods", "-A", "--watch")
    assert invoke(*words, outside=outside).exit_code == 3


def test_airflow_runs_in_the_scheduler(
    outside: Outside, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_app, "_has_tty", lambda: True)
    words = "docker exec -i -t harness-dev-control-plane kubectl --kubeconfig=/etc/kubernetes/admin.conf -n tools exec"
    rest = "-i -t deployment/airflow-scheduler -c scheduler -- airflow dags list"
    commands.on(*words.split(), *rest.split())
    assert invoke("airflow", "--", "dags", "list", outside=outside).exit_code == 0


@pytest.fixture
def staging(project: Path) -> str:
    """Settle an environment on a cluster that is there, and return the words by which kubectl finds it."""
    (project / "pyproject.toml").write_text('[tool.harness.environments.staging]\ncontext = "t"\nkubeconfig = "k"\n')
    return "kubectl --context=t"


def test_kubectl_of_a_cluster_that_is_there_is_the_person_s_own(
    outside: Outside, commands: FakeCommands, project: Path, staging: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(cli_app, "_has_tty", lambda: False)
    commands.on(*staging.split(), "get", "pods", returncode=3)
    assert invoke("--name", "staging", "kubectl", "--", "get", "pods", outside=outside).exit_code == 3
    assert commands.calls[-1].env["KUBECONFIG"] == f"{project}/k"
    words = "-n tools exec -i deployment/airflow-scheduler -c scheduler -- airflow dags list"
    commands.on(*staging.split(), *words.split())
    assert invoke("--name", "staging", "airflow", "--", "dags", "list", outside=outside).exit_code == 0


@pytest.mark.usefixtures("staging")
def test_missing_kubectl_is_named(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    error = invoke("--name", "staging", "kubectl", "--", "get", "pods", outside=outside).exception
    assert isinstance(error, UsageError)
    assert str(error) == "there is no kubectl on PATH"


@pytest.mark.usefixtures("staging")
def test_status_of_a_cluster_that_is_there_tells_no_login(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_app, "read_status", lambda _: [GOOD])
    shown = invoke("--name", "staging", "status", outside=outside)
    assert shown.stdout.endswith("URL: none; the harness reaches Airflow by a port-forward\n")


def test_test_runs_pytest_on_this_environment_in_the_project(
    commands: FakeCommands, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.cli.app.sys.executable", "python")
    commands.on("python", "-m", "pytest", "--airflow-env=ci", "-k", "retries", returncode=1)
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    assert invoke("--name", "ci", "test", "--", "-k", "retries").exit_code == 1
    assert commands.calls[0].cwd == project


def test_project_says_what_its_tests_are(
    commands: FakeCommands, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.cli.app.sys.executable", "python")
    (project / "pyproject.toml").write_text('[tool.harness]\ntests = ["checks", "-m", "not slow"]\n')
    commands.on("python", "-m", "pytest", "--airflow-env=dev", "checks", "-m", "not slow", "-x")
    assert invoke("test", "--", "-x").exit_code == 0


def test_without_pytest_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.cli.app.find_spec", lambda name: None if name == "pytest" else pytest.fail(name))
    error = invoke("test").exception
    assert isinstance(error, UsageError)
    assert "airflow-kind-harness[pytest]" in error.next_step


@pytest.mark.processes
def test_without_a_word_pytest_s_own_testpaths_are_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "pyproject.toml").write_text('[tool.harness]\n[tool.pytest.ini_options]\ntestpaths = ["own"]\n')
    for folder in ("own", "tests/e2e"):
        (project / folder).mkdir(parents=True)
        (project / folder / f"test_{folder[0]}.py").write_text("def test_it(): ...\n")
    monkeypatch.chdir(project / "tests")
    assert invoke("test", "--", "-q").exit_code == 0
    assert "1 passed" in capfd.readouterr().out


def test_make_e2e_runs_what_harness_test_runs() -> None:
    tox = ConfigParser()
    tox.read(ROOT / "tox.ini")
    assert tox["testenv:e2e"]["commands"] == "harness test -- {posargs}"
    assert load_settings(start=ROOT).tests == ["tests/e2e", "--ignore=tests/e2e/faults", "-m", "not slow"]


def test_pins_agree_or_each_problem_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert invoke("pins", "--check").stdout == "all pins agree\n"
    monkeypatch.setattr("harness.pin_check.check_pins", lambda: ["go.mod has v1"])
    assert invoke("pins").exit_code == 1
    assert isinstance(invoke("pins", "--check", "--update").exception, UsageError)


def test_steps_are_printed_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    printer = StepPrinter()
    printer.started("cluster")
    printer.said("waiting for [pod]\npassword=hunter22")
    printer.ended("cluster", "done", 61.04)
    printer.ended("secrets", "unchanged", 0.1)
    printer.ended("login", "failed", 0.1)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == ["waiting for [pod] password=***", "✓ cluster 61.0 s", "· secrets unchanged", "✗ login 0.1 s"]


def test_every_verb_has_a_line_of_help() -> None:
    group: Any = typer.main.get_command(cli_app.app)
    assert [name for name, command in group.commands.items() if not command.help] == []
