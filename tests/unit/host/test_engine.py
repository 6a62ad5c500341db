"""The container engine: started and installed where we may, else the commands to type."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import HostError, UsageError
from harness.host import engine
from harness.host.engine import PACKAGES, ensure_engine
from harness.waiting import WaitTimeoutError

from ..engines import SILENT
from ..fakes.clock import FakeTime
from ..fakes.command import Call, FakeCommands
from ..fakes.host import FakeHost
from ..samples import INFO, info, make_executable

INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]
PKGNAMES = ["apt-cache", "pkgnames"]


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
    commands.on("apt-get", "update", returncode=100)  # a source that we do not need is out of reach
    commands.on(*PKGNAMES, stdout="docker.io\nmmdebstrap\n")
    commands.on(*INSTALL, does=machine.install)
    commands.on("dockerd")
    machine.answers("dead", "dead", "alive")
    assert machine.ensure(FakeHost()) == str(machine.docker)
    assert commands.argvs[:3] == [["apt-get", "update"], PKGNAMES, INSTALL]
    assert ["dockerd"] in commands.argvs
    assert commands.calls[2].env["DEBIAN_FRONTEND"] == "noninteractive"
    assert machine.said[0].startswith("installing docker.io")
    assert str(machine.root / "logs" / "dockerd.log") in machine.said[1]


def test_client_that_is_packaged_apart_is_installed_too(machine: Machine) -> None:
    names = "docker-buildx\ndocker-clean\ndocker-cli\ndocker.io\n"
    machine.commands.on("apt-get", "update")
    machine.commands.on(*PKGNAMES, stdout=names)
    machine.commands.on(*INSTALL, "docker-buildx", "docker-cli", does=machine.install)
    machine.commands.on("dockerd")
    machine.answers("dead", "alive")
    machine.ensure(FakeHost())
    assert ["dockerd"] in machine.commands.argvs


def test_daemon_without_a_client_that_builds_gets_one(machine: Machine) -> None:
    make_executable(machine.root / "usr" / "sbin" / "dockerd")
    make_executable(machine.docker)
    new = {"stdout": "Docker version 26.1.5+dfsg1, build a72d7cd"}
    machine.commands.on(str(machine.docker), "--version", **new)
    machine.commands.on(str(machine.docker), "buildx", "version", returncode=1)
    machine.commands.on(str(machine.docker), "buildx", "version", stdout="github.com/docker/buildx 0.13.1")
    machine.commands.on("apt-get", "update")
    machine.commands.on(*PKGNAMES, stdout="docker-buildx\n")
    machine.commands.on(*INSTALL, "docker-buildx")
    machine.answers("alive")
    assert machine.ensure(FakeHost()) == str(machine.docker)


def test_client_that_cannot_build_is_said_to_a_user(machine: Machine) -> None:
    make_executable(machine.root / "usr" / "sbin" / "dockerd")
    make_executable(machine.docker)
    machine.commands.on(str(machine.docker), "--version", stdout="Docker version 29.0.1, build abc")
    machine.commands.on(str(machine.docker), "buildx", "version", returncode=1)
    with pytest.raises(UsageError, match="no buildx plugin") as caught:
        machine.ensure(FakeHost(is_root=False))
    assert "docker-buildx" in caught.value.next_step


@pytest.mark.parametrize("host", [FakeHost(is_root=False), FakeHost(is_debian_like=False)])
def test_where_we_may_not_install_the_commands_are_told(machine: Machine, host: FakeHost) -> None:
    with pytest.raises(UsageError, match="no container engine is installed") as caught:
        machine.ensure(host)
    assert " ".join(INSTALL) in caught.value.next_step
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


def test_user_whose_engine_stands_still_is_told_to_start_it(machine: Machine) -> None:
    machine.install()
    machine.answers("dead")
    with pytest.raises(UsageError, match="does not answer") as caught:
        machine.ensure(FakeHost(is_root=False))
    assert "sudo systemctl start docker" in caught.value.next_step


@pytest.mark.parametrize("is_root", [True, False])
@pytest.mark.parametrize("name", ["without rights", "client too new", "client too old"])
def test_engine_that_refuses_is_not_started_but_explained(machine: Machine, name: str, *, is_root: bool) -> None:
    silent = SILENT[name]
    machine.install()
    machine.commands.on(str(machine.docker), *INFO, **silent.answer)
    with pytest.raises(UsageError, match="the container engine refuses: ") as caught:
        machine.ensure(FakeHost(is_root=is_root))
    assert silent.words in str(caught.value)
    assert silent.cure in caught.value.next_step
    assert all(argv[0] == str(machine.docker) for argv in machine.commands.argvs)


@pytest.mark.parametrize("has_daemon", [True, False])
def test_engine_that_is_slow_is_neither_installed_nor_restarted(machine: Machine, *, has_daemon: bool) -> None:
    machine.install()
    if not has_daemon:
        (machine.root / "bin" / "dockerd").unlink()
    machine.commands.on(str(machine.docker), *INFO, late=True)
    with pytest.raises(HostError, match=r"^the container engine does not answer within 20 s$") as caught:
        machine.ensure(FakeHost(has_service_manager=True))
    assert caught.value.next_step == "wait until it is less busy; restart it yourself if it hangs"
    assert {argv[0] for argv in machine.commands.argvs} == {str(machine.docker)}


@pytest.mark.parametrize("name", ["Docker Desktop off", "Colima off", "Rancher Desktop off", "another context"])
def test_engine_of_a_context_is_the_person_s_to_start(machine: Machine, name: str) -> None:
    silent = SILENT[name]
    machine.install()
    machine.commands.on(str(machine.docker), *INFO, **silent.answer)
    with pytest.raises(UsageError, match="the container engine does not answer: ") as caught:
        machine.ensure(FakeHost())
    assert silent.words in str(caught.value)
    assert silent.cure in caught.value.next_step


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
