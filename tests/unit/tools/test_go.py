"""Go: what is built, when it is built again, and with which settings."""

import shutil
from pathlib import Path

import pytest

from harness.command import CommandError
from harness.errors import UsageError
from harness.tools.go import Go, GoCommand

from ..fakes.command import Call, FakeCommands


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    folder.mkdir()
    for name in ("go.mod", "go.sum", "main.go"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    return Go(tmp_path / "cache")


def write_binary(call: Call) -> None:
    Path(call.argv[call.argv.index("-o") + 1]).write_text("binary")


def expect_build(commands: FakeCommands, go: Go, command: GoCommand, flags: str = "-s -w") -> None:
    partial = go.binary(command).with_suffix(".partial")
    commands.on("go", "version", stdout="go version go1.26.1 linux/amd64\n")
    expect_count(commands, command)
    words = ("go", "build", "-v", "-trimpath", f"-ldflags={flags}", "-o", str(partial), command.package)
    commands.on(*words, stderr="internal/abi\nexample.test/main\n", does=write_binary)


def expect_count(commands: FakeCommands, command: GoCommand, stale: str = "internal/abi\nexample.test/main\n") -> None:
    words = ("go", "list", "-deps", "-trimpath", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", command.package)
    commands.on(*words, stdout=stale)


def test_build_says_how_many_packages_are_compiled(commands: FakeCommands, go: Go, module: Path) -> None:
    command = GoCommand("etcd", module)
    said: list[str] = []
    expect_build(commands, go, command)
    go.ensure(command, said.append)
    assert said == ["1 of 2 packages compiled", "2 of 2 packages compiled"]


def test_downloads_are_no_packages_compiled(commands: FakeCommands, go: Go, module: Path) -> None:
    command, said = GoCommand("etcd", module), list[str]()
    commands.on("go", "version", stdout="go version go1.26.1 linux/amd64\n")
    expect_count(commands, command, stale="")
    partial = go.binary(command).with_suffix(".partial")
    commands.on(
        *("go", "build", "-v", "-trimpath", "-ldflags=-s -w", "-o", str(partial), "."),
        stderr="go: downloading k8s.io/api v0.37.0\ngithub.com/a-b/c.d/v2\n# warning: of the linker\n",
        does=write_binary,
    )
    go.ensure(command, said.append)
    assert said == ["1 of 1 packages compiled"]


def test_build_is_static_read_only_and_in_caches_of_our_own(commands: FakeCommands, go: Go, module: Path) -> None:
    command = GoCommand("etcd", module, "go.etcd.io/etcd/server/v3")
    expect_build(commands, go, command)
    assert go.ensure(command).read_text() == "binary"
    call = commands.calls[-1]
    assert call.cwd == module
    assert call.env["CGO_ENABLED"] == "0"
    assert "-mod=readonly" in call.env["GOFLAGS"]
    assert {call.env["GOCACHE"], call.env["GOMODCACHE"]} == {str(go.cache / "go-build"), str(go.cache / "go-mod")}


def test_second_build_of_the_same_runs_nothing(commands: FakeCommands, go: Go, module: Path) -> None:
    command = GoCommand("etcd", module)
    expect_build(commands, go, command)
    go.ensure(command)
    count = len(commands.calls)
    go.ensure(command)
    assert len(commands.calls) == count


def test_stamps_become_linker_flags(commands: FakeCommands, go: Go, module: Path) -> None:
    command = GoCommand("kube", module, stamps={"v.gitVersion": "v1.37.2", "v.gitMajor": "1"})
    expect_build(commands, go, command, "-s -w -X v.gitVersion=v1.37.2 -X v.gitMajor=1")
    go.ensure(command)


def test_build_that_fails_leaves_no_binary(commands: FakeCommands, go: Go, module: Path) -> None:
    command = GoCommand("etcd", module)
    partial = go.binary(command).with_suffix(".partial")
    commands.on("go", "version", stdout="go version go1.26.1 linux/amd64\n")
    expect_count(commands, command)
    commands.on(
        *("go", "build", "-v", "-trimpath", "-ldflags=-s -w", "-o", str(partial), "."),
        returncode=1,
        stderr="no such module",
    )
    with pytest.raises(CommandError, match="no such module"):
        go.ensure(command)
    assert not go.binary(command).exists()


@pytest.mark.parametrize(("version", "seen"), [("go version go1.23.9 linux/amd64", "1.23"), ("devel", "none")])
def test_old_go_is_a_usage_error(commands: FakeCommands, go: Go, module: Path, version: str, seen: str) -> None:
    commands.on("go", "version", stdout=version)
    with pytest.raises(UsageError, match=rf"Go 1.24 or newer is needed .*; on PATH: {seen}") as caught:
        go.ensure(GoCommand("etcd", module))
    assert "install Go" in caught.value.next_step
    assert not go.cache.exists()


def test_no_go_is_a_usage_error(go: Go, module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(UsageError, match="on PATH: none"):
        go.ensure(GoCommand("etcd", module))


def test_oldest_go_will_do(commands: FakeCommands, go: Go) -> None:
    commands.on("go", "version", stdout="go version go1.24 linux/arm64")
    go.check()


@pytest.mark.parametrize("change", ["main.go", "go.sum", "new.go"])
def test_digest_changes_with_what_is_built(module: Path, change: str) -> None:
    before = GoCommand("kube", module).digest
    (module / change).write_text("changed")
    assert GoCommand("kube", module).digest != before


def test_digest_changes_with_package_and_stamps_alone(module: Path) -> None:
    before = GoCommand("kube", module).digest
    assert GoCommand("kube", module, "./cmd").digest != before
    assert GoCommand("kube", module, stamps={"v": "1"}).digest != before
    (module / "README.md").write_text("words")
    assert GoCommand("kube", module).digest == before
