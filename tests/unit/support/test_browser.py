"""The browser: found, or installed where we may."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from support.browser import PACKAGES, ensure_chromium

from ..fakes.command import FakeCommands
from ..fakes.host import FakeHost
from ..samples import make_executable

INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["chromium", "google-chrome-stable"])
def test_browser_that_is_there_is_taken(folder: Path, commands: FakeCommands, name: str) -> None:
    browser = make_executable(folder / name)
    assert ensure_chromium(FakeHost(is_root=False), print) == browser
    assert commands.calls == []


def test_debian_s_is_installed_as_root(folder: Path, commands: FakeCommands) -> None:
    commands.on("apt-get", "update")
    commands.on(*INSTALL, does=lambda _: make_executable(folder / "chromium") and None)
    said: list[str] = []
    assert ensure_chromium(FakeHost(), said.append) == folder / "chromium"
    assert said == ["installing chromium, fonts-dejavu-core with apt"]


@pytest.mark.parametrize("host", [FakeHost(is_root=False), FakeHost(is_debian_like=False)])
def test_elsewhere_the_command_is_said(folder: Path, commands: FakeCommands, host: FakeHost) -> None:
    assert folder.is_dir()
    with pytest.raises(UsageError, match="no Chromium") as caught:
        ensure_chromium(host, print)
    assert "apt-get install chromium" in caught.value.next_step
    assert commands.calls == []


def test_install_that_brought_none_is_told(folder: Path, commands: FakeCommands) -> None:
    assert folder.is_dir()
    commands.on("apt-get", "update")
    commands.on(*INSTALL)
    with pytest.raises(UsageError, match="no Chromium"):
        ensure_chromium(FakeHost(), print)
