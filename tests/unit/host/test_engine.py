"""The container engine: started and installed where we may, else the commands to type."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.host import engine
from harness.host.engine import PACKAGES, ensure_engine
from harness.waiting import WaitTimeoutError

from ..fakes.clock import FakeTime
from ..fakes.command import Call, FakeCommands
from ..fakes.host import FakeHost
from ..samples import INFO, info, make_executable

APT = [["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]]


class Machine:
    """A folder that stands for a machine, with or without an engine."""

    def __init__(self, root: Path, commands: FakeCommands) -> None:
        self.root, self.commands = root, commands
        self.docker = root / "bin" / "docker"
        self.said: list[str] = []
        self.time = FakeTime()

    def install(self, _: Call | None = None) -> None:
        make_executable(self.docker)
        make_executable(self.root / "bin" / "dockerd")
        self.commands.on(str(self.docker), "--version", stdout="Docker version 20.10.24, build 1")

    def answers(self, *outcomes: str) -> None:
        for outcome in outcomes:
            answer = {"stdout": info()} if outcome == "alive" else {"returncode": 1}
            self.commands.on(str(self.docker), *INFO, **answer)

    def ensure(self, host: FakeHost) -> str:
        return ensure_engine(
            replace(host, root=self.root), self.root / "logs", self.said.append, self.time.clock
        ).binary


@pytest.fixture
def machine(tmp_path: Path, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(engine, "CONFIG", tmp_path / "etc" / "daemon.json")
    monkeypatch.setattr(engine, "BOUNDED", tmp_path / "runc-bounded")
    monkeypatch.setattr(engine, "PID_FILES", (tmp_path / "docker.pid",))
    return Machine(tmp_path, commands)


def test_engine_that_answers_is_left_alone(machine: Machine) -> None:
    machine.install()
    machine.answers("alive")
    assert machine.ensure(FakeHost(is_root=False)) == str(machine.docker)
    assert machine.said == []
    assert {argv[0] for argv in machine.commands.argvs} == {str(machine.docker)}


def test_engine_of_another_machine_needs_no_daemon_here(machine: Machine) -> None:
    machine.install()
    (machine.root / "bin" / "dockerd").unlink()
    machine.answers("alive")
    machine.ensure(FakeHost(is_root=False, is_debian_like=False))
    assert machine.said == []


def test_missing_engine_is_installed_and_started_detached(machine: Machine) -> None:
    commands = machine.commands
    commands.on(*APT[0], returncode=100)  # a source that we do not need is out of reach
    commands.on(*APT[1], does=machine.install)
    commands.on("dockerd")
    machine.answers("dead", "dead", "alive")
    assert machine.ensure(FakeHost()) == str(machine.docker)
    assert commands.argvs[:2] == APT
    assert ["dockerd"] in commands.argvs
    assert commands.calls[1].env["DEBIAN_FRONTEND"] == "noninteractive"
    assert machine.said[0].startswith("installing docker.io")
    assert str(machine.root / "logs" / "dockerd.log") in machine.said[1]


@pytest.mark.parametrize("host", [FakeHost(is_root=False), FakeHost(is_debian_like=False)])
def test_where_we_may_not_install_the_commands_are_told(machine: Machine, host: FakeHost) -> None:
    with pytest.raises(UsageError, match="no container engine is installed") as caught:
        machine.ensure(host)
    assert " ".join(APT[1]) in caught.value.next_step
    assert machine.commands.calls == []


def test_daemon_off_a_person_s_path_is_not_called_missing(machine: Machine) -> None:
    machine.install()
    (machine.root / "bin" / "dockerd").unlink()
    make_executable(machine.root / "usr" / "sbin" / "dockerd")
    machine.answers("dead")
    with pytest.raises(UsageError, match="the container engine does not answer") as caught:
        machine.ensure(FakeHost(is_root=False))
    assert "systemctl start docker" in caught.value.next_step


def test_daemon_finds_what_only_administrators_have_on_path(machine: Machine) -> None:
    machine.install()
    machine.answers("dead", "alive")
    machine.commands.on("dockerd")
    machine.ensure(FakeHost())
    started = next(call for call in machine.commands.calls if call.argv == ["dockerd"])
    assert str(machine.root / "usr/sbin") in started.env["PATH"].split(":")


@pytest.mark.parametrize("folder", ["mnt/wsl/docker-desktop", "mnt/c/Program Files/Docker/Docker"])
def test_no_second_engine_beside_docker_desktop_of_windows(machine: Machine, folder: str) -> None:
    (machine.root / folder).mkdir(parents=True)
    with pytest.raises(UsageError, match="Docker Desktop does not answer in this WSL distribution") as caught:
        machine.ensure(FakeHost())
    assert "WSL integration" in caught.value.next_step
    assert machine.commands.calls == []


def test_mac_is_told_of_docker_desktop(machine: Machine) -> None:
    with pytest.raises(UsageError) as caught:
        machine.ensure(FakeHost(is_linux=False))
    assert "Docker Desktop" in caught.value.next_step


def test_service_manager_starts_the_engine(machine: Machine) -> None:
    machine.install()
    machine.answers("dead", "dead", "dead", "alive")
    machine.commands.on("systemctl", "restart", "docker")
    machine.ensure(FakeHost(has_service_manager=True))
    assert ["dockerd"] not in machine.commands.argvs
    assert machine.time.seconds == 1


def test_engine_that_does_not_start_names_its_log(machine: Machine) -> None:
    machine.install()
    machine.answers("dead")
    machine.commands.on("dockerd")
    with pytest.raises(WaitTimeoutError, match="`docker info` gets no answer") as caught:
        machine.ensure(FakeHost())
    assert "dockerd.log" in caught.value.next_step
    assert machine.time.seconds <= 60


def test_user_without_rights_is_told_what_to_type(machine: Machine) -> None:
    machine.install()
    machine.answers("dead")
    with pytest.raises(UsageError, match="does not answer") as caught:
        machine.ensure(FakeHost(is_root=False))
    assert "sudo systemctl start docker" in caught.value.next_step


def test_engine_elsewhere_is_not_ours_to_start(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://build.test:2376")
    machine.install()
    machine.answers("dead")
    with pytest.raises(UsageError, match=r"DOCKER_HOST=tcp://build.test:2376"):
        machine.ensure(FakeHost())


def test_host_that_lacks_a_capability_gets_the_bounded_runtime(machine: Machine) -> None:
    machine.install()
    machine.answers("dead", "alive")
    machine.commands.on("dockerd")
    machine.ensure(FakeHost(missing_capabilities=("CAP_SYS_RESOURCE",)))
    config = json.loads(engine.CONFIG.read_text())
    assert config["runtimes"][config["default-runtime"]]["path"] == str(engine.BOUNDED)
    assert engine.BOUNDED.stat().st_mode & 0o111
    assert "CAP_SYS_RESOURCE" in engine.BOUNDED.read_text()


def test_configuration_of_a_person_is_not_changed(machine: Machine) -> None:
    machine.install()
    machine.answers("dead")
    make_executable(engine.CONFIG).write_text('{"data-root": "/data"}')
    with pytest.raises(UsageError, match="is yours") as caught:
        machine.ensure(FakeHost(missing_capabilities=("CAP_SYS_RESOURCE",)))
    assert json.loads(engine.CONFIG.read_text()) == {"data-root": "/data"}
    # The cure works, and keeps what the person wrote.
    wanted = json.loads(caught.value.next_step.partition(": ")[2])
    engine.CONFIG.write_text(json.dumps({"data-root": "/data", **wanted}))
    engine._configure_bounded_runtime()
    assert json.loads(engine.CONFIG.read_text()) == {"data-root": "/data", **wanted}
    assert engine.BOUNDED.exists()


@pytest.mark.parametrize("content", ["1", "999999999", "rubbish"])
def test_pid_file_of_a_dead_engine_is_removed(machine: Machine, content: str) -> None:
    stale = machine.root / "docker.pid"
    stale.write_text(content)
    engine._remove_stale_pid_files()
    assert not stale.exists()


def test_pid_file_of_a_living_engine_stays(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    pid_file = machine.root / "docker.pid"
    pid_file.write_text("1")
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda self: "dockerd\n" if self == Path("/proc/1/comm") else read(self))
    engine._remove_stale_pid_files()
    assert pid_file.exists()


def test_detached_engine_has_a_log_and_a_session_of_its_own(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[dict[str, object]] = []
    start = subprocess.Popen

    def popen(argv: list[str], **given: object) -> object:
        if argv == ["dockerd"]:
            options.append(given)
        return start(argv, **given)  # type: ignore[call-overload]

    machine.install()
    machine.answers("dead", "alive")
    machine.commands.on("dockerd")
    monkeypatch.setattr(subprocess, "Popen", popen)
    machine.ensure(FakeHost())
    assert options[0]["start_new_session"] is True
    assert (machine.root / "logs" / "dockerd.log").exists()
    assert machine.time.seconds == 0
