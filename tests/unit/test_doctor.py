"""The doctor: one finding for each need, with a cure for what is wrong."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from harness import doctor
from harness.doctor import GB, Check, Patient, check_room, examine
from harness.errors import UsageError, Verb, put_in_words
from harness.host import ports
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
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """Return one in the best of health; a test takes away what it is about."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("go", "mmdebstrap", "docker"):
        make_executable(tmp_path / "bin" / name)
    monkeypatch.setattr(ports, "is_free", lambda _: True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=20 * GB))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8 * GB))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    return Patient(FakeHost(), Go(tmp_path), MIRRORS, tmp_path / "state", 8080, has_cluster=False)


def look(patient: Patient, commands: FakeCommands, engine: str | None = None, go: str = "go1.26.1") -> dict[str, Check]:
    docker = str(patient.state.parent / "bin" / "docker")
    commands.on(docker, "--version", stdout="Docker version 20.10.24, build 1")
    commands.on(docker, *INFO, stdout=info() if engine is None else engine)
    commands.on("go", "version", stdout=f"go version {go} linux/amd64")
    return {check.name: check for check in examine(patient)}


def problems(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if check.verdict != "ok"]


def test_healthy_machine_has_a_finding_for_each_need(patient: Patient, commands: FakeCommands) -> None:
    checks = look(patient, commands)
    assert problems(checks) == []
    assert {
        *("docker client", "container engine", "images", "disk of the state folder", "memory", "cores"),
        *("capabilities", "port 8080", "go", "mmdebstrap", *doctor.INOTIFY),
    } <= set(checks)
    assert checks["container engine"].seen == "Debian GNU/Linux 12, 29.0, storage overlay2, cgroup v2"


def test_nothing_is_changed_by_the_examination(patient: Patient, commands: FakeCommands) -> None:
    look(patient, commands)
    assert {argv[1] for argv in commands.argvs} == {"--version", "info", "version"}
    assert not patient.state.exists()


def test_missing_client_does_not_hide_the_rest(patient: Patient, commands: FakeCommands) -> None:
    (patient.state.parent / "bin" / "docker").unlink()
    checks = look(replace(patient, host=FakeHost(is_root=False)), commands)
    assert checks["docker client"].verdict == "problem"
    assert "install Docker" in put_in_words(checks["docker client"].cure, "harness")
    assert checks["container engine"].verdict == "problem"
    assert checks["go"].verdict == "ok"


def test_engine_that_we_can_start_is_only_a_warning(patient: Patient, commands: FakeCommands) -> None:
    checks = look(patient, commands, engine="{}")
    assert checks["container engine"] == Check(
        "container engine", "warning", "none answers", Verb("up", "installs and starts it")
    )


def test_official_node_on_cgroup_v1_is_refused(patient: Patient, commands: FakeCommands) -> None:
    checks = look(replace(patient, choice=REGISTRY), commands, engine=info(CgroupVersion="1"))
    assert checks["images"].verdict == "problem"
    assert 'images = "mirrors"' in str(checks["images"].cure)


def test_registry_needs_neither_go_nor_mmdebstrap(patient: Patient, commands: FakeCommands) -> None:
    assert not {"go", "mmdebstrap"} & set(look(replace(patient, choice=REGISTRY), commands))


def test_full_disk_is_a_problem_with_the_numbers(
    patient: Patient, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=14.4 * GB))
    check = look(patient, commands)["disk of the state folder"]
    assert check.verdict == "problem"
    assert check.seen == f"14 GB free at {patient.state.parent}; 15 GB are needed"
    with pytest.raises(UsageError, match="disk of the state folder: 14 GB free") as caught:
        check_room(patient.state)
    assert caught.value.next_step == check.cure


def test_room_that_is_enough(patient: Patient) -> None:
    check_room(patient.state)


def test_slow_machine_gets_warnings(patient: Patient, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=3 * GB))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    checks = look(replace(patient, host=SlimHost()), commands)
    warned = {name for name, check in checks.items() if check.verdict == "warning"}
    assert warned == {"memory", "cores", "fs.inotify.max_user_instances"}
    assert checks["fs.inotify.max_user_instances"].cure == "sudo sysctl fs.inotify.max_user_instances=512"
    assert "fs.inotify.max_user_watches" not in checks  # this kernel has none


@pytest.mark.parametrize(("runtime", "verdict"), [("runc", "problem"), ("harness-bounded", "ok")])
def test_missing_capability_is_fine_with_a_runtime_that_copes(
    patient: Patient, commands: FakeCommands, runtime: str, verdict: str
) -> None:
    host = FakeHost(missing_capabilities=("CAP_SYS_RESOURCE",))
    check = look(replace(patient, host=host), commands, engine=info(DefaultRuntime=runtime))["capabilities"]
    assert check.verdict == verdict
    assert "CAP_SYS_RESOURCE missing" in check.seen


def test_taken_port_names_its_owner_unless_it_is_ours(
    patient: Patient, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    monkeypatch.setattr(ports, "owner_of", lambda _: "nginx (pid 7)")
    assert look(patient, commands)["port 8080"] == Check(
        "port 8080", "problem", "taken by nginx (pid 7)", "end it, or set HARNESS_PORT"
    )
    assert look(replace(patient, has_cluster=True), commands)["port 8080"].verdict == "ok"


@pytest.mark.parametrize(("go", "seen"), [("go1.23.4", "1.23"), ("unknown", "not on PATH")])
def test_old_go_is_a_problem(patient: Patient, commands: FakeCommands, go: str, seen: str) -> None:
    check = look(patient, commands, go=go)["go"]
    assert (check.verdict, check.seen, check.cure) == ("problem", seen, "install Go 1.24 or newer")


@pytest.mark.parametrize(("is_root", "verdict"), [(True, "ok"), (False, "problem")])
def test_missing_mmdebstrap_is_installed_where_we_may(
    patient: Patient, commands: FakeCommands, verdict: str, *, is_root: bool
) -> None:
    (patient.state.parent / "bin" / "mmdebstrap").unlink()
    assert look(replace(patient, host=FakeHost(is_root=is_root)), commands)["mmdebstrap"].verdict == verdict


def test_every_problem_has_a_cure(patient: Patient, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    (patient.state.parent / "bin" / "mmdebstrap").unlink()
    host = SlimHost(is_root=False, missing_capabilities=("CAP_SYS_RESOURCE",))
    checks = look(replace(patient, host=host), commands, go="go1.20")
    assert len(problems(checks)) >= 6
    assert [name for name in problems(checks) if not checks[name].cure] == []
