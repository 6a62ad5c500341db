"""The machine, read from files that stand for its own."""

import platform
from pathlib import Path

import pytest

from harness.host.platform import Host, go_platform


def write(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("NAME=Debian\nID=debian\n", True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
        ('ID="ubuntu"\n', True),
        ('ID=fedora\nVARIANT_ID=debian\nID_LIKE="rhel centos"\n', False),
        ("ID=notdebian\n", False),
        ("", False),
    ],
)
def test_debian_and_what_is_like_it(tmp_path: Path, release: str, expected: bool) -> None:
    write(tmp_path, "etc/os-release", release)
    assert Host(tmp_path).is_debian_like is expected


def test_machine_without_any_of_these_files(tmp_path: Path) -> None:
    host = Host(tmp_path)
    assert not host.is_debian_like
    assert not host.has_service_manager
    assert host.cgroup_version is None
    assert host.missing_capabilities == []
    assert host.sysctl("fs.inotify.max_user_instances") is None


def test_cgroup_version(tmp_path: Path) -> None:
    (tmp_path / "sys/fs/cgroup/memory").mkdir(parents=True)
    assert Host(tmp_path).cgroup_version == 1
    write(tmp_path, "sys/fs/cgroup/cgroup.controllers", "cpu memory")
    assert Host(tmp_path).cgroup_version == 2


def test_service_manager(tmp_path: Path) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert Host(tmp_path).has_service_manager


@pytest.mark.parametrize(
    ("bounding", "missing"),
    [("000001ffffffffff", []), ("000001fffeffffff", ["CAP_SYS_RESOURCE"]), ("0000000000000000", ["CAP_SYS_RESOURCE"])],
)
def test_capability_that_is_not_granted(tmp_path: Path, bounding: str, missing: list[str]) -> None:
    write(tmp_path, "proc/self/status", f"Name:\tx\nCapEff:\t0000000000000000\nCapBnd:\t{bounding}\n")
    assert Host(tmp_path).missing_capabilities == missing


def test_sysctl(tmp_path: Path) -> None:
    write(tmp_path, "proc/sys/fs/inotify/max_user_instances", "128\n")
    write(tmp_path, "proc/sys/kernel/hostname", "name\n")
    assert Host(tmp_path).sysctl("fs.inotify.max_user_instances") == 128
    assert Host(tmp_path).sysctl("kernel.hostname") is None


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "linux-amd64"),
        ("Linux", "aarch64", "linux-arm64"),
        ("Darwin", "arm64", "darwin-arm64"),
        ("Linux", "riscv64", "linux-riscv64"),
    ],
)
def test_platform_as_go_names_it(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, name: str) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert go_platform() == name
    assert Host().is_linux is (system == "Linux")


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv"])
def test_container_is_known_by_what_its_engine_puts_there(tmp_path: Path, mark: str) -> None:
    assert not Host(tmp_path).is_container
    (tmp_path / "run").mkdir()
    (tmp_path / mark).touch()
    assert Host(tmp_path).is_container


def test_container_with_the_host_s_network_is_like_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.containerenv").touch()
    monkeypatch.setenv("DISTROBOX_ENTER_PATH", "/usr/bin/distrobox-enter")
    assert not Host(tmp_path).is_container
    monkeypatch.delenv("DISTROBOX_ENTER_PATH")
    (tmp_path / "run/.toolboxenv").touch()
    assert not Host(tmp_path).is_container
