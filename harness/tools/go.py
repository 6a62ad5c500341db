"""Go: builds commands from modules whose versions go.mod fixes and whose checksums go.sum holds."""

import hashlib
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.command import Result, run
from harness.errors import HostError
from harness.steps import Progress, Say

BUILD_S = 3600
PACKAGE = re.compile(r"[\w./~-]+")
OLDEST = (1, 24)  # the first with `tool` lines in go.mod (Go 1.24 release notes)


@dataclass(frozen=True)
class GoCommand:
    """One command to build: `package` as seen from the folder of its module; `stamps` set string variables."""

    name: str
    module: Path
    package: str = "."
    stamps: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Return a hash of all that goes into the command but the Go release, which go.mod bounds from below."""
        parts = hashlib.sha256(repr((self.name, self.package, sorted(self.stamps.items()))).encode())
        for path in sorted(self.module.iterdir()):
            if path.suffix == ".go" or path.name in {"go.mod", "go.sum"}:
                parts.update(path.name.encode() + b"\0" + path.read_bytes())
        return parts.hexdigest()[:16]


@dataclass(frozen=True)
class Go:
    """The go tool with module and build caches of its own below `cache`."""

    cache: Path

    def version(self) -> tuple[int, int] | None:
        """Return for example (1, 26), or None when there is no go on PATH."""
        if not shutil.which("go"):
            return None
        found = re.search(r"go(\d+)\.(\d+)", run(["go", "version"], timeout_s=60).stdout)
        return (int(found[1]), int(found[2])) if found else None

    def check(self) -> None:
        """Raise HostError unless a Go that is new enough is on PATH."""
        version = self.version()
        if version is None or version < OLDEST:
            seen = "none" if version is None else f"{version[0]}.{version[1]}"
            raise HostError(
                f"Go {OLDEST[0]}.{OLDEST[1]} or newer is needed to build from Go modules; on PATH: {seen}",
                next_step="install Go and put it on PATH; or use a network with a container registry (images=registry)",
            )

    def binary(self, command: GoCommand) -> Path:
        """Return where `ensure` puts the command; the path holds its digest."""
        return self.cache / "bin" / command.digest / command.name

    def ensure(self, command: GoCommand, say: Say = str) -> Path:
        """Build `command` unless that was done, say how far it is, and return the binary.

        It is static, stripped and without local paths.
        """
        binary = self.binary(command)
        if binary.exists():
            return binary
        self.check()
        binary.parent.mkdir(parents=True, exist_ok=True)
        partial = binary.with_suffix(".partial")
        stamps = " ".join(f"-X {variable}={value}" for variable, value in command.stamps.items())
        flags = ["-trimpath", f"-ldflags=-s -w {stamps}".strip()]
        self._run(
            ["build", "-v", *flags, "-o", str(partial), command.package],
            command.module,
            _CompileProgress(say, self._count_packages(command)),
        )
        partial.rename(binary)
        return binary

    def _count_packages(self, command: GoCommand) -> int:
        """Return how many packages are to be compiled, those in the cache left out."""
        words = ["list", "-deps", "-trimpath", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", command.package]
        return len(self._run(words, command.module).stdout.split())

    def _run(self, words: list[str], module: Path, on_line: Callable[[str], object] | None = None) -> Result:
        env = {
            "CGO_ENABLED": "0",
            "GOCACHE": str(self.cache / "go-build"),
            "GOMODCACHE": str(self.cache / "go-mod"),
            "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
        }
        return run(["go", *words], cwd=module, env=env, timeout_s=BUILD_S, on_line=on_line)


@dataclass
class _CompileProgress:
    """Hears `go build -v`, which names each package that it compiles."""

    say: Say
    total: int
    _done: int = 0

    def __call__(self, line: str) -> None:
        """Hear a line."""
        if PACKAGE.fullmatch(line):
            self._done += 1
            self.say(Progress(self._done, max(self.total, self._done), "packages compiled"))
