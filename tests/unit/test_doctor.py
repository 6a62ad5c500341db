"""The doctor: one finding for each need, with a cure for what is wrong."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from harness import doctor
from harness.doctor import GB, Check, Machine, check_room, examine
from harness.errors import UsageError, Verb, put_in_words
from harness.host import ports
from harness.images import package_settings
from harness.images.source import Choice
from harness.tools.go import Go

from .fakes.command import FakeCommands
from .fakes.host import FakeHost
from .samples import INFO, info, make_executable

MIRRORS, REGISTRY = Choice("mirrors", "as set"), Choice("registry", "as set")


class SlimHost(FakeHost):
    def sysctl(self, name: str) -> int | None:
        return 8 if name == "fs.inotify.max_user_instances" else None


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return one that has all; a test takes away what it is about."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in package_settings.CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(package_settings, "SYSTEM_CAS", (__file__,))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("go", "mmdebstrap", "docker"):
        make_executable(tmp_path / "bin" / name)
    monkeypatch.setattr(ports, "is_free", lambda _: True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=20 * GB))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8 * GB))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    return Machine(FakeHost(), Go(tmp_path), MIRRORS, tmp_path / "state", 8080, has_cluster=False)


def look(machine: Machine, commands: FakeCommands, engine: str | None = None, go: str = "go1.26.1") -> dict[str, Check]:
    docker = str(machine.state.parent / "bin" / "docker")
    commands.on(docker, "--version", stdout="Docker version 20.10.24, build 1")
    commands.on(docker, *INFO, stdout=info() if engine is None else engine)
    commands.on("go", "version", stdout=f"go version {go} linux/amd64")
    return {check.name: check for check in examine(machine)}


def problems(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if check.verdict != "ok"]


def test_healthy_machine_has_a_finding_for_each_need(machine: Machine, commands: FakeCommands) -> None:
    checks = look(machine, commands)
    assert problems(checks) == []
    assert {
        *("docker client", "container engine", "images", "disk of the state folder", "memory", "cores"),
        *("capabilities", "port 8080", "go", "mmdebstrap", *doctor.INOTIFY),
    } <= set(checks)
    assert checks["container engine"].seen == "Docker 29.0 on Debian GNU/Linux 12, storage overlay2, cgroup v2"


def test_nothing_is_changed_by_the_examination(machine: Machine, commands: FakeCommands) -> None:
    look(machine, commands)
    assert {argv[1] for argv in commands.argvs} == {"--version", "info", "version"}
    assert not machine.state.exists()


def test_missing_client_does_not_hide_the_rest(machine: Machine, commands: FakeCommands) -> None:
    (machine.state.parent / "bin" / "docker").unlink()
    checks = look(replace(machine, host=FakeHost(is_root=False)), commands)
    assert checks["docker client"].verdict == "problem"
    assert "install Docker" in put_in_words(checks["docker client"].cure, "harness")
    assert checks["container engine"].verdict == "problem"
    assert checks["go"].verdict == "ok"


def test_engine_that_we_can_start_is_only_a_warning(machine: Machine, commands: FakeCommands) -> None:
    checks = look(machine, commands, engine="{}")
    assert checks["container engine"] == Check(
        "container engine",
        "warning",
        "none answers: `docker info` says nothing of one",
        Verb("up", "installs and starts it"),
    )


def test_official_node_on_cgroup_v1_is_refused(machine: Machine, commands: FakeCommands) -> None:
    checks = look(replace(machine, choice=REGISTRY), commands, engine=info(CgroupVersion="1"))
    assert checks["images"].verdict == "problem"
    assert 'images = "mirrors"' in str(checks["images"].cure)


def test_registry_needs_neither_go_nor_mmdebstrap(machine: Machine, commands: FakeCommands) -> None:
    assert not {"go", "mmdebstrap"} & set(look(replace(machine, choice=REGISTRY), commands))


def test_full_disk_is_a_problem_with_the_numbers(
    machine: Machine, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=14.4 * GB))
    check = look(machine, commands)["disk of the state folder"]
    assert check.verdict == "problem"
    assert check.seen == f"14 GB free at {machine.state.parent}; 15 GB are needed"
    with pytest.raises(UsageError, match="disk of the state folder: 14 GB free") as caught:
        check_room(machine.state)
    assert caught.value.next_step == check.cure


def test_room_that_is_enough(machine: Machine) -> None:
    check_room(machine.state)


def test_slow_machine_gets_warnings(machine: Machine, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=3 * GB))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    checks = look(replace(machine, host=SlimHost()), commands)
    warned = {name for name, check in checks.items() if check.verdict == "warning"}
    assert warned == {"memory", "cores", "fs.inotify.max_user_instances"}
    assert checks["fs.inotify.max_user_instances"].cure == "sudo sysctl fs.inotify.max_user_instances=512"
    assert "fs.inotify.max_user_watches" not in checks  # this kernel has none


@pytest.mark.parametrize(("memory_bytes", "cores", "warned"), [(3 * GB, 1, {"memory", "cores"}), (8 * GB, 4, set())])
def test_virtual_machine_of_the_engine_is_what_counts(
    machine: Machine,
    commands: FakeCommands,
    monkeypatch: pytest.MonkeyPatch,
    *,
    memory_bytes: int,
    cores: int,
    warned: set[str],
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=5 * GB))
    engine = info(OperatingSystem="Docker Desktop", MemTotal=memory_bytes, NCPU=cores)
    checks = look(replace(machine, choice=REGISTRY), commands, engine=engine)
    assert set(problems(checks)) == warned
    assert checks["memory"].seen == f"{memory_bytes / GB:.1f} GB in the engine's machine"
    assert checks["cores"].seen == str(cores)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:3128", "http://user:pass@localhost:3128"])
def test_proxy_that_no_build_reaches_is_a_warning(
    machine: Machine, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    check = look(machine, commands)["proxy"]
    assert (check.verdict, "https_proxy is on this machine's loopback" in check.seen) == ("warning", True)
    assert "pass" not in check.seen
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    assert "proxy" not in look(machine, commands)


def test_ca_that_is_named_and_not_there_is_a_problem(
    machine: Machine, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_settings, "SYSTEM_CAS", ())
    assert look(machine, commands)["certificates"].verdict == "warning"
    monkeypatch.setenv("SSL_CERT_FILE", "/gone.pem")
    check = look(machine, commands)["certificates"]
    assert (check.verdict, check.cure) == ("problem", "correct or unset SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_FILE", __file__)
    assert look(machine, commands)["certificates"].seen == f"builds trust those of {__file__}"


@pytest.mark.parametrize(("runtime", "verdict"), [("runc", "problem"), ("harness-bounded", "ok")])
def test_missing_capability_is_fine_with_a_runtime_that_copes(
    machine: Machine, commands: FakeCommands, runtime: str, verdict: str
) -> None:
    host = FakeHost(missing_capabilities=("CAP_SYS_RESOURCE",))
    check = look(replace(machine, host=host), commands, engine=info(DefaultRuntime=runtime))["capabilities"]
    assert check.verdict == verdict
    assert "CAP_SYS_RESOURCE missing" in check.seen


def test_taken_port_names_its_owner_unless_it_is_ours(
    machine: Machine, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    monkeypatch.setattr(ports, "owner_of", lambda _: "nginx (pid 7)")
    assert look(machine, commands)["port 8080"] == Check(
        "port 8080", "problem", "taken by nginx (pid 7)", "end it, or set HARNESS_PORT"
    )
    assert look(replace(machine, has_cluster=True), commands)["port 8080"].verdict == "ok"


@pytest.mark.parametrize(("go", "seen"), [("go1.23.4", "1.23"), ("unknown", "not on PATH")])
def test_old_go_is_a_problem(machine: Machine, commands: FakeCommands, go: str, seen: str) -> None:
    check = look(machine, commands, go=go)["go"]
    assert (check.verdict, check.seen, check.cure) == ("problem", seen, "install Go 1.24 or newer")


@pytest.mark.parametrize(("is_root", "verdict"), [(True, "ok"), (False, "problem")])
def test_missing_mmdebstrap_is_installed_where_we_may(
    machine: Machine, commands: FakeCommands, verdict: str, *, is_root: bool
) -> None:
    (machine.state.parent / "bin" / "mmdebstrap").unlink()
    assert look(replace(machine, host=FakeHost(is_root=is_root)), commands)["mmdebstrap"].verdict == verdict


def test_every_problem_has_a_cure(machine: Machine, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    (machine.state.parent / "bin" / "mmdebstrap").unlink()
    host = SlimHost(is_root=False, missing_capabilities=("CAP_SYS_RESOURCE",))
    checks = look(replace(machine, host=host), commands, go="go1.20")
    assert len(problems(checks)) >= 6
    assert [name for name in problems(checks) if not checks[name].cure] == []
