"""kind and helm: where they are taken from, in which order, and that a wrong checksum ends it."""

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import httpx2
import pytest

from harness.errors import HarnessError, UsageError
from harness.host import binaries
from harness.host.binaries import ensure_binary, find_binary, helm_binary, kind_binary
from harness.pins import Download, Pins, load_pins
from harness.tools.go import Go

from ..fakes.command import Call, FakeCommands
from ..samples import make_executable

URL = "https://releases.test/v1/file"


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(binaries, "go_platform", lambda: "linux-amd64")
    return Go(tmp_path / "cache")


def pins_for(content: bytes) -> Pins:
    download = Download(url=URL, sha256=hashlib.sha256(content).hexdigest())
    return load_pins().model_copy(update={"downloads": {name: {"linux-amd64": download} for name in ("kind", "helm")}})


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> list[str]:
    asked: list[str] = []

    def get(url: str, **_: Any) -> httpx2.Response:
        asked.append(url)
        if content is None:
            raise httpx2.ConnectError("no route")
        return httpx2.Response(200, content=content, request=httpx2.Request("GET", url))

    monkeypatch.setattr("httpx2.get", get)
    return asked


def archive_of(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def test_pinned_version_on_path_is_taken(commands: FakeCommands, go: Go, tmp_path: Path) -> None:
    path = make_executable(tmp_path / "bin" / "kind")
    commands.on(str(path), "version", "--quiet", stdout="0.33.0\n")
    assert find_binary(kind_binary(load_pins()), go) == path


def test_helm_tells_its_version_in_its_own_way(commands: FakeCommands, go: Go, tmp_path: Path) -> None:
    path = make_executable(tmp_path / "bin" / "helm")
    commands.on(str(path), "version", "--template", "{{.Version}}", stdout="v4.3.0")
    assert find_binary(helm_binary(load_pins()), go) == path


@pytest.mark.parametrize("answer", [{"stdout": "0.32.0\n"}, {"returncode": 1}, {"missing": True}])
def test_other_version_on_path_is_not_taken(
    commands: FakeCommands, go: Go, tmp_path: Path, answer: dict[str, Any]
) -> None:
    path = make_executable(tmp_path / "bin" / "kind")
    commands.on(str(path), "version", "--quiet", **answer)
    assert find_binary(kind_binary(load_pins()), go) is None


@pytest.mark.usefixtures("commands")
def test_release_is_downloaded_once(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, b"the kind")
    pins = pins_for(b"the kind")
    path = ensure_binary(kind_binary(pins), go, pins)
    assert path.read_bytes() == b"the kind"
    assert os.access(path, os.X_OK)
    assert ensure_binary(kind_binary(pins), go, pins) == path
    assert asked == [URL]


@pytest.mark.usefixtures("commands")
def test_archive_is_unpacked(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    content = archive_of("linux-amd64/helm", b"the helm")
    serve(monkeypatch, content)
    pins = pins_for(content)
    assert ensure_binary(helm_binary(pins), go, pins).read_bytes() == b"the helm"


@pytest.mark.usefixtures("commands")
def test_archive_without_the_command_is_an_error(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    content = archive_of("linux-amd64/README", b"words")
    serve(monkeypatch, content)
    with pytest.raises(HarnessError, match="no `helm` in the release archive"):
        ensure_binary(helm_binary(load_pins()), go, pins_for(content))


@pytest.mark.usefixtures("commands")
def test_wrong_checksum_is_an_error_and_nothing_is_kept_or_built(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, b"another kind")
    pins = pins_for(b"the kind")
    with pytest.raises(
        HarnessError, match=rf"{URL} has sha256 \w+, pinned is {pins.downloads['kind']['linux-amd64'].sha256}"
    ):
        ensure_binary(kind_binary(pins), go, pins)
    assert not go.cache.exists()


@pytest.mark.parametrize("has_download", [True, False])
def test_what_cannot_be_downloaded_is_built(
    commands: FakeCommands, go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_download: bool
) -> None:
    def build(call: Call) -> None:
        Path(call.argv[call.argv.index("-o") + 1]).write_text("built")

    serve(monkeypatch, None)
    make_executable(tmp_path / "bin" / "go")
    pins = pins_for(b"") if has_download else load_pins().model_copy(update={"downloads": {}})
    binary = kind_binary(pins)
    target = go.binary(binaries._go_command(binary))
    commands.on("go", "version", stdout="go version go1.26.1 linux/amd64")
    commands.on("go", "list", "-deps", "-trimpath", "-f", ANY, "sigs.k8s.io/kind")
    commands.on(
        *("go", "build", "-v", "-trimpath", "-ldflags=-s -w", "-o", f"{target}.partial", "sigs.k8s.io/kind"),
        does=build,
    )
    assert ensure_binary(binary, go, pins) == target
    assert find_binary(binary, go) == target


@pytest.mark.usefixtures("commands")
def test_reason_of_no_download_is_told_with_that_of_no_build(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(*_: object, **__: object) -> httpx2.Response:
        raise httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer certificate")

    monkeypatch.setattr(httpx2, "get", get)
    monkeypatch.setenv("PATH", str(tmp_path))
    pins = pins_for(b"")
    with pytest.raises(UsageError, match=r"CERTIFICATE_VERIFY_FAILED.*; Go 1\.24 or newer is needed") as caught:
        ensure_binary(kind_binary(pins), go, pins)
    assert URL in str(caught.value)
    assert caught.value.next_step.startswith("mend what keeps this network from that address")
    assert "install Go" in caught.value.next_step
