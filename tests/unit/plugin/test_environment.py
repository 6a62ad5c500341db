"""Which environment a session takes, whether it stays, and what a session may leave in it."""

import inspect
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import plugin
from harness.errors import HarnessError, UsageError
from harness.plugin import environment as subject
from harness.plugin.environment import AirflowEnv
from harness.waiting import WaitTimeoutError

from ..fakes.clock import FakeTime
from ..samples import DOCKER, settings_of


class FakeEnvironment:
    """Remembers what was done to it."""

    def __init__(self, folder: Path, time: FakeTime, *, is_there: bool) -> None:
        self.settings = settings_of(folder, name="ci")
        self.parts = SimpleNamespace(
            docker=DOCKER,
            kind=SimpleNamespace(binary=Path("/bin/kind")),
            kubernetes=SimpleNamespace(list=self.list_pods),
            airflow="airflow",
            clock=time.clock,
        )
        self.is_there = is_there
        self.verbs: list[str] = []
        self.failure: HarnessError | None = None
        self.pods: list[dict[str, Any]] = []

    def list_pods(self, kind: str, namespace: str, *, label_selector: str) -> list[dict[str, Any]]:
        assert (kind, namespace, label_selector) == ("Pod", "tools", "kubernetes_executor=True")
        return self.pods

    def has_cluster(self) -> bool:
        return self.is_there

    def start_engine(self, reporter: Any) -> None:
        reporter.said("starting")
        self.verbs.append("start_engine")

    def up(self, reporter: Any) -> None:
        reporter.started("cluster")
        reporter.said("working")
        reporter.ended("cluster", "done", 1.0)
        self.settings.folder.mkdir(parents=True)
        self.verbs.append("up")
        if self.failure:
            raise self.failure

    def down(self, reporter: Any) -> None:
        reporter.said("removing")
        self.verbs.append("down")


class Session:
    """One pytest session around an environment."""

    def __init__(self, environment: FakeEnvironment, **options: bool) -> None:
        self.environment = environment
        names = ("keep_airflow_env", "reuse_airflow_env", "keep_on_failure", "no_leak_check")
        given = dict.fromkeys(names, False) | options
        self.option = SimpleNamespace(airflow_env="ci", **given)
        self.testsfailed = 0
        self.lines: list[str] = []
        self.asked: list[str] = []
        self.is_worker = False

    def run(self) -> Iterator[AirflowEnv]:
        capture = SimpleNamespace(global_and_fixture_disabled=lambda: open(os.devnull))  # noqa: PTH123, SIM115
        terminal = SimpleNamespace(write_line=self.lines.append)
        plugins = {"capturemanager": capture, "terminalreporter": terminal}
        config = SimpleNamespace(
            option=self.option,
            pluginmanager=SimpleNamespace(getplugin=plugins.get),
            **({"workerinput": {}} if self.is_worker else {}),
        )
        request = SimpleNamespace(config=config, session=self, getfixturevalue=self.asked.append)
        fixture: Any = inspect.unwrap(subject.airflow_env)
        session: Iterator[AirflowEnv] = getattr(fixture, "_get_wrapped_function", lambda: fixture)()(request)
        return session

    def take(self) -> list[str]:
        """Run the whole session and return what was done to the environment."""
        fixture = self.run()
        assert next(fixture).namespace == "tools"
        assert next(fixture, None) is None
        return self.environment.verbs


@pytest.fixture
def made(tmp_path: Path, time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(*, is_there: bool = False, **options: bool) -> Session:
        environment = FakeEnvironment(tmp_path, time, is_there=is_there)
        monkeypatch.setattr(subject, "load_settings", lambda _: environment.settings)
        monkeypatch.setattr(subject, "Environment", lambda _: environment)
        return Session(environment, **options)

    return make


def test_missing_environment_is_made_and_removed(made: Any) -> None:
    session = made()
    assert session.take() == ["up", "down"]
    assert session.asked == ["kind_cluster"]
    assert any("cluster" in line and "1.0 s" in line for line in session.lines)


def test_environment_that_was_there_stays(made: Any) -> None:
    assert made(is_there=True).take() == ["up"]


def test_environment_that_was_made_stays_when_asked(made: Any) -> None:
    assert made(keep_airflow_env=True).take() == ["up"]


def test_environment_that_was_made_is_left_for_reuse(made: Any) -> None:
    assert made(reuse_airflow_env=True).take() == ["up"]


@pytest.mark.parametrize("failures", [0, 1])
def test_environment_that_was_made_stays_on_failure_when_asked(made: Any, failures: int) -> None:
    session = made(keep_on_failure=True)
    session.testsfailed = failures
    assert session.take() == (["up"] if failures else ["up", "down"])


def test_ci_begins_with_a_new_one(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert made(is_there=True).take() == ["start_engine", "down", "up", "down"]


def test_reuse_is_said_louder_than_ci(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert made(is_there=True, reuse_airflow_env=True).take() == ["up"]


def test_environment_that_did_not_come_up_is_removed(made: Any) -> None:
    session = made()
    session.environment.failure = HarnessError("no room")
    with pytest.raises(HarnessError, match="no room"):
        next(session.run())
    assert session.environment.verbs == ["up", "down"]


def test_environment_that_did_not_come_up_stays_when_asked(made: Any) -> None:
    session = made(keep_on_failure=True)
    session.environment.failure = HarnessError("no room")
    with pytest.raises(HarnessError, match="no room"):
        next(session.run())
    assert session.environment.verbs == ["up"]


def pod_of(run_id: str) -> dict[str, Any]:
    return {"metadata": {"name": f"pod-{run_id}", "annotations": {"run_id": run_id}}}


def end(session: Session) -> None:
    """Take the session's environment, and give it back."""
    fixture = session.run()
    next(fixture)
    next(fixture, None)


def test_worker_pod_of_the_session_s_own_run_is_a_leak(made: Any, time: FakeTime) -> None:
    session = made(keep_on_failure=True)
    own = f"test-{os.getpid()}-0123456789ab"
    session.environment.pods = [pod_of(own), pod_of("test-1-0123456789ab"), pod_of("scheduled__2026")]
    with pytest.raises(WaitTimeoutError, match=rf"last seen: 1 to go: pod pod-{own}$") as caught:
        end(session)
    assert "--no-leak-check" in caught.value.next_step
    assert session.environment.verbs == ["up"], "a leak is a failure: the environment is kept to look at"
    assert time.seconds >= 29


def test_thread_that_goes_on_is_a_leak(made: Any) -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="left-over")
    fixture = made().run()
    next(fixture)
    thread.start()
    try:
        with pytest.raises(WaitTimeoutError, match="thread left-over"):
            next(fixture)
    finally:
        done.set()
        thread.join()


def test_no_leak_is_looked_for_when_not_wanted(made: Any) -> None:
    session = made(no_leak_check=True)
    session.environment.pods = [pod_of(f"test-{os.getpid()}-0123456789ab")]
    end(session)
    assert session.environment.verbs == ["up", "down"]


def test_cluster_that_is_there_is_neither_made_nor_removed(
    made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    session = made()
    session.environment.settings = settings_of(tmp_path, name="staging", context="team")
    logins: list[str] = []
    session.environment.parts.airflow = SimpleNamespace(login=lambda: logins.append("in"))
    fixture = session.run()
    env = next(fixture)
    for name in ("docker", "control_plane"):
        with pytest.raises(pytest.skip.Exception, match=r"nodes of `staging` \(context team\) are no"):
            getattr(env, name)
    session.environment.pods = [pod_of("test-1-0123456789ab")]
    assert next(fixture, None) is None
    assert (session.environment.verbs, session.asked, logins) == ([], [], ["in"])


def test_worker_of_xdist_gets_no_environment(made: Any) -> None:
    session = made()
    session.is_worker = True
    with pytest.raises(UsageError, match="pytest-xdist"):
        next(session.run())
    assert session.environment.verbs == []


def test_pytest_kind_finds_all_there_and_removes_nothing(made: Any) -> None:
    session = made()
    session.take()
    option, settings = session.option, session.environment.settings
    assert option.cluster_name == "harness-ci"
    assert option.kubeconfig == str(settings.kubeconfig)
    assert option.kind_bin == "/bin/kind"
    assert option.keep_cluster is True


@pytest.mark.processes
def test_kubectl_is_the_node_s_own(made: Any, tmp_path: Path) -> None:
    session = made()
    session.take()
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    client.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    client.chmod(0o755)
    environment = {"PATH": f"{client.parent}:/usr/bin:/bin"}
    words = [session.option.kind_kubectl_bin, "get", "pods", "-l", "a in (b, c)"]
    result = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    kubectl = "exec|-i|harness-ci-control-plane|kubectl|--kubeconfig=/etc/kubernetes/admin.conf"
    assert result.stdout == f"{kubectl}|get|pods|-l|a in (b, c)|"


def test_keep_cluster_is_remembered_from_the_options() -> None:
    option = SimpleNamespace()
    markers: list[str] = []
    config: Any = SimpleNamespace(
        option=option,
        getoption=lambda name: name == "keep_cluster",
        addinivalue_line=lambda _, line: markers.append(line.partition(":")[0]),
    )
    plugin.pytest_configure(config)
    assert option.keep_airflow_env is True
    assert markers == ["faults", "serial", "slow"]
