"""kind and helm: the pinned one on PATH, else the release by its checksum, else the Go module."""

import hashlib
import io
import re
import shutil
import tarfile
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from harness.command import CommandError, run
from harness.errors import HarnessError, HostError
from harness.host.platform import go_platform
from harness.pins import Download, Pins
from harness.steps import Say
from harness.tools.go import Go, GoCommand

DOWNLOAD_S = 300
CONNECT_S = 3


@dataclass(frozen=True)
class Binary:
    """A command that we run: how it tells its version, and what to build it from."""

    name: str
    version: str
    version_args: tuple[str, ...]
    package: str


def kind_binary(pins: Pins) -> Binary:
    """Return what we need to know of kind."""
    return Binary("kind", pins.versions.kind, ("version", "--quiet"), "sigs.k8s.io/kind")


def helm_binary(pins: Pins) -> Binary:
    """Return what we need to know of Helm."""
    return Binary("helm", pins.versions.helm, ("version", "--template", "{{.Version}}"), "helm.sh/helm/v4/cmd/helm")


def find_binary(binary: Binary, go: Go) -> Path | None:
    """Return the command if it is here already, on PATH in the pinned version or made by an earlier `ensure_binary`."""
    on_path = shutil.which(binary.name)
    if on_path and _version_of(on_path, binary) == binary.version:
        return Path(on_path)
    for path in (_released(binary, go), go.binary(_go_command(binary))):
        if path.exists():
            return path
    return None


def ensure_binary(binary: Binary, go: Go, pins: Pins, say: Say = str) -> Path:
    """Return the command, which is downloaded or built when it is not here.

    Raises HarnessError when a download does not have the pinned checksum, UsageError, with the reason why there is no
    release, when there is no Go to build with.
    """
    present = find_binary(binary, go)
    if present:
        return present
    download = pins.downloads.get(binary.name, {}).get(go_platform())
    content = _fetch(download) if download else f"no release is pinned for {go_platform()}"
    if isinstance(content, str):
        return _build(binary, go, content, say)
    path = _released(binary, go)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(_unpack(binary.name, content))
    partial.chmod(0o755)
    partial.rename(path)
    return path


def _released(binary: Binary, go: Go) -> Path:
    return go.cache / "bin" / f"{binary.name}-{binary.version}" / binary.name


def _go_command(binary: Binary) -> GoCommand:
    with as_file(files("harness.host").joinpath("go", binary.name)) as module:
        return GoCommand(binary.name, module, binary.package)


def _version_of(path: str, binary: Binary) -> str:
    try:
        text = run([path, *binary.version_args], timeout_s=30, check=False).stdout
    except CommandError:  # of another machine, for example
        return ""
    found = re.search(r"\d+\.\d+\.\d+", text)
    return found[0] if found else ""


def _build(binary: Binary, go: Go, why: str, say: Say) -> Path:
    say(f"building {binary.name}: {why}")
    try:
        return go.ensure(_go_command(binary), say)
    except HostError as error:
        raise HostError(
            f"{binary.name} {binary.version} is not to be had: {why}; {error}",
            next_step=(
                f"mend what keeps this network from that address, or put {binary.name} {binary.version} on PATH",
                error.advice,
            ),
        ) from None


def _fetch(download: Download) -> bytes | str:
    """Return the file, or why it is not to be had."""
    import httpx2

    try:
        timeout = httpx2.Timeout(DOWNLOAD_S, connect=CONNECT_S)
        response = httpx2.get(download.url, timeout=timeout, follow_redirects=True)
        response.raise_for_status()
    except httpx2.HTTPError as error:
        return f"{download.url}: {error or type(error).__name__}"
    digest = hashlib.sha256(response.content).hexdigest()
    if digest != download.sha256:
        raise HarnessError(
            f"{download.url} has sha256 {digest}, pinned is {download.sha256}",
            next_step="do not use it; find out who changed it, and update harness/pins.toml only when that is clear",
        )
    return response.content


def _unpack(name: str, content: bytes) -> bytes:
    """Return the command itself: releases come as the bare file or as a tar archive with a folder."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive.getmembers():
            if Path(member.name).name == name:
                file = archive.extractfile(member)
                if file:
                    return file.read()
    raise HarnessError(f"no `{name}` in the release archive", next_step="correct its URL in harness/pins.toml")
