"""The container engine, through its command line client."""

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.command import CommandError, Result, pipe, run
from harness.errors import HostError, Verb
from harness.steps import Say
from harness.tools.docker_output import BuildProgress, EngineError, PullProgress, unpack_progress
from harness.tools.engine import Engine, NoEngine, read_info

QUICK_S = 60
INFO_S = 20
BUILD_S = 3600
COPY_S = 900
# From 23.0 on the client leaves BuildKit to a plugin (Docker's release notes of 23.0.0); before, it is built in.
PLUGIN_SINCE = 23
# Images are built by the engine that runs them and for its own platform, whatever a person chose for other work.
ENGINE_S_OWN = {"BUILDX_BUILDER": "", "DOCKER_DEFAULT_PLATFORM": ""}


@dataclass(frozen=True)
class Mount:
    """A host folder in a container."""

    source: Path
    target: str
    read_only: bool = False

    def as_flag(self) -> str:
        """Return the value of `--mount`; missing sources are an error there, not made as with `-v`."""
        return f"type=bind,source={self.source},target={self.target}" + (",readonly" if self.read_only else "")


@dataclass(frozen=True)
class Docker:
    """One client; every method raises EngineError when the client fails, `exec` CommandError."""

    binary: str
    env: Mapping[str, str] = field(default_factory=dict)

    def call(self, *args: str, timeout_s: float = QUICK_S, stdin: str | bytes | Path | None = None) -> str:
        """Run `docker ARGS` and return what it printed, without white space at the ends."""
        return self._run(args, timeout_s=timeout_s, stdin=stdin).stdout.strip()

    def _run(
        self,
        args: Sequence[str],
        *,
        timeout_s: float,
        stdin: str | bytes | Path | None = None,
        check: bool = True,
        error: type[CommandError] = EngineError,
    ) -> Result:
        return run([self.binary, *args], timeout_s=timeout_s, stdin=stdin, env=self.env, check=check, error=error)

    def engine(self) -> Engine | None:
        """Return what the engine says of itself, or None when none answers."""
        found = self.look()
        return found if isinstance(found, Engine) else None

    def look(self) -> Engine | NoEngine:
        """Return what the engine says of itself, or why none answers."""
        try:
            result = self._run(["info", "--format", "{{json .}}"], timeout_s=INFO_S, check=False)
        except CommandError as error:
            if error.is_late:
                return NoEngine(f"the container engine does not answer within {INFO_S} s", is_slow=True)
            return NoEngine(str(error).splitlines()[0])
        info = _read_object(result.stdout)
        context = (info.get("ClientInfo") or {}).get("Context") or "default"
        if not info.get("ServerVersion"):
            reasons = info.get("ServerErrors") or result.stderr.strip().splitlines()[-1:]
            return NoEngine("; ".join(reasons) or "`docker info` says nothing of one", context)
        return read_info(info, self._endpoint(context))

    def _endpoint(self, context: str) -> str:
        """Return where the engine is reached: a context may name another machine's, as DOCKER_HOST does."""
        if context == "default":
            return os.environ.get("DOCKER_HOST", "")
        words = ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}", context]
        return self._run(words, timeout_s=QUICK_S, check=False).stdout.strip()

    def platform(self) -> str:
        """Return what the engine runs, as images name it, for example linux/arm64."""
        return self.call("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")

    def has_images(self, *references: str) -> bool:
        """Tell whether the engine holds all of these."""
        result = self._run(["image", "inspect", "--format=.", *references], timeout_s=QUICK_S, check=False)
        return result.returncode == 0

    def image_id(self, reference: str) -> str:
        """Return the id of an image, which is a digest of what it is; an empty string when it is not there."""
        words = ["image", "inspect", "--format={{.Id}}", reference]
        result = self._run(words, timeout_s=QUICK_S, check=False)
        return result.stdout.strip() if result.returncode == 0 else ""

    def pull(self, reference: str, say: Say = str) -> None:
        """Pull an image, by digest where the reference has one, and say how far it is."""
        run(
            [self.binary, "pull", reference],
            timeout_s=BUILD_S,
            env=self.env,
            error=EngineError,
            on_line=PullProgress(say),
        )

    def build(
        self,
        context: Path,
        tag: str,
        *,
        file: Path | None = None,
        target: str = "",
        args: Mapping[str, str] | None = None,
        secrets: Mapping[str, Path] | None = None,
        labels: Mapping[str, str] | None = None,
        say: Say = str,
    ) -> None:
        """Build `context` with BuildKit and say how far it is; `secrets` are files that no layer keeps.

        `file` is the Dockerfile, by default the one in `context`.
        """
        argv = ["build", "--progress=plain", "--tag", tag]
        argv += ["--file", str(file)] if file else []
        argv += ["--target", target] if target else []
        for flag, pairs in (("--build-arg", args), ("--label", labels)):
            argv += [word for key, value in (pairs or {}).items() for word in (flag, f"{key}={value}")]
        argv += [word for key, path in (secrets or {}).items() for word in ("--secret", f"id={key},src={path}")]
        run(
            [self.binary, *argv, str(context)],
            timeout_s=BUILD_S,
            env={**self.env, "DOCKER_BUILDKIT": "1"},
            error=EngineError,
            on_line=BuildProgress(say),
        )

    def import_from(self, producer: Sequence[str], tag: str, *, changes: Iterable[str] = ()) -> None:
        """Make an image of the tar archive that `producer` writes to its standard output."""
        flags = [word for change in changes for word in ("--change", change)]
        pipe(producer, [self.binary, "import", *flags, "-", tag], timeout_s=BUILD_S, error=EngineError)

    def save_into(self, references: Sequence[str], container: str, command: Sequence[str], say: Say) -> None:
        """Feed the images as one archive to `ctr images import` in a running container, and say how far it is."""
        pipe(
            [self.binary, "save", *references],
            [self.binary, "exec", "-i", container, *command],
            timeout_s=COPY_S,
            error=EngineError,
            on_line=unpack_progress(say, len(references)),
        )

    def run_once(
        self,
        image: str,
        command: Sequence[str],
        *,
        mounts: Iterable[Mount] = (),
        user: str = "0",
        timeout_s: float = COPY_S,
    ) -> str:
        """Run `command` in a throw-away container of `image` without network, and return what it printed.

        An empty `user` is the image's own, the default is root.
        """
        flags = [word for mount in mounts for word in ("--mount", mount.as_flag())]
        return self.call(
            # SELinux would not let it read a folder of this host, which only another label of the folder would allow.
            *("run", "--rm", "--network=none", f"--user={user}", "--security-opt=label=disable"),
            *("--entrypoint", command[0], *flags, image, *command[1:]),
            timeout_s=timeout_s,
        )

    def exec(self, container: str, *command: str, stdin: str | None = None, timeout_s: float = QUICK_S) -> str:
        """Run `command` in a running container and return what it printed."""
        words = ("exec", *(["-i"] if stdin else []), container, *command)
        return self._run(words, stdin=stdin, timeout_s=timeout_s, error=CommandError).stdout.strip()

    def exec_aside(self, container: str, *command: str) -> None:
        """Start `command` in a running container, at a terminal where nobody types, and do not wait for its end."""
        self.call("exec", "--detach", "--tty", container, *command)

    def list_containers(self, label: str) -> dict[str, str]:
        """Return name -> state (`running`, `exited`, `dead`, ...) of all containers with `label`."""
        lines = self.call("ps", "--all", "--filter", f"label={label}", "--format", "{{.Names}}\t{{.State}}")
        return dict(line.split("\t", 1) for line in lines.splitlines())

    def inspect(self, container: str) -> dict[str, Any]:
        """Return `docker inspect` of one container."""
        inspected: list[dict[str, Any]] = json.loads(self.call("inspect", "--type=container", container))
        return inspected[0]

    def logs(self, container: str, *, lines: int = 20) -> str:
        """Return the last lines that a container wrote, to either output."""
        result = self._run(["logs", f"--tail={lines}", container], timeout_s=QUICK_S)
        return f"{result.stdout}{result.stderr}".strip()

    def list_images(self, pattern: str) -> list[str]:
        """Return the images whose name with its tag matches, for example `localhost/a:*`."""
        return self.call("image", "ls", "--filter", f"reference={pattern}", "--format", "{{.ID}}").split()

    def list_networks(self, name: str) -> list[str]:
        """Return the networks with exactly this name: none or one."""
        return self.call("network", "ls", "--quiet", "--filter", f"name=^{re.escape(name)}$").split()


def find_client() -> Docker:
    """Return the first `docker` on PATH that can build with BuildKit, secret mounts included.

    Raises HostError when there is none: a client that cannot build is of no use to us.
    """
    seen: list[str] = []
    for folder in dict.fromkeys(os.get_exec_path()):
        binary = Path(folder) / "docker"
        if not (binary.is_file() and os.access(binary, os.X_OK)):
            continue
        version = run([str(binary), "--version"], timeout_s=QUICK_S, check=False).stdout
        major = re.match(r"Docker version (\d+)\.", version)
        if major and (int(major[1]) < PLUGIN_SINCE or _has_buildx(binary)):
            # kind looks for `docker` on PATH itself.
            return Docker(str(binary), {"PATH": os.pathsep.join([folder, *os.get_exec_path()]), **ENGINE_S_OWN})
        seen.append(f"{binary} ({version.strip() or 'no version'}: {'no buildx plugin' if major else 'not Docker'})")
    raise HostError(
        f"no usable docker client on PATH; found: {', '.join(seen) or 'none'}",
        next_step=(
            "install Docker, or the buildx plugin: docker-buildx-plugin of Docker's packages, else docker-buildx",
            Verb("up", "does it on Debian or Ubuntu as root"),
        ),
    )


def _has_buildx(binary: Path) -> bool:
    return run([str(binary), "buildx", "version"], timeout_s=QUICK_S, check=False).returncode == 0


def _read_object(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
