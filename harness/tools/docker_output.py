"""What the docker client prints while it works: how far it is, and what to do about its errors."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.command import CommandError, HostCommandError
from harness.steps import Progress, Say

PULL_LAYER = re.compile(r"(?P<layer>[0-9a-f]{12}): (?P<state>[A-Z][a-z ]+)")
PULLED = {"Pull complete", "Already exists"}
# BuildKit's plain progress: `#7 [build 2/5] RUN ...` when a step begins, `#7 DONE 1.2s` or `#7 CACHED` when it ended.
BUILD_STEP = re.compile(r"#(?P<id>\d+) \[(?:(?P<stage>\S+) )?\d+/(?P<total>\d+)\]")
BUILD_END = re.compile(r"#(?P<id>\d+) (?:DONE|CACHED)")
UNPACKED = re.compile(r"^unpacking .*done$")

NO_WAY = (
    *("no such host", "i/o timeout", "connection (refused|reset)", "handshake timeout", "unexpected eof", "dns error"),
    *("network is unreachable", "proxyconnect", "temporary failure", "could not resolve", "failed to fetch"),
)
CURES = (
    ("no space left on device", "make room, for example by docker system prune, then run this again"),
    (
        "x509|certificate verify failed|certificate_verify_failed|unknownissuer|invalid peer certificate",
        "builds trust the CA that SSL_CERT_FILE names, the engine those of its system and of /etc/docker/certs.d",
    ),
    (
        "toomanyrequests|rate limit",
        "docker login, or set registry_mirror to a registry that serves the same images",
    ),
    (
        "unauthorized|authentication required|no basic auth|denied: requested access|access forbidden",
        "docker login with the registry of the message, then run this again",
    ),
    (
        "no matching manifest for|no match for platform|does not match the specified platform",
        "the image is not of this machine's platform: use one that is",
    ),
    (
        # BuildKit says "not found" of a missing file and of a missing command, too.
        (
            "manifest unknown|manifest for .* not found|failed to resolve (reference|source metadata) .*not found"
            r"|failed to create LLB definition: \S+: not found"
        ),
        "the registry does not have that digest: see that the mirror serves it, or use another one",
    ),
    (
        "http response to https client",
        "serve the registry by HTTPS, or name it in insecure-registries of the engine's daemon.json",
    ),
    (
        r"failed to fetch \S+\s+404\b",
        "the package source no longer has that file: docker builder prune makes a build read its index anew",
    ),
    (
        "|".join(NO_WAY),
        "see that this network leads there, and its proxy, then run this again: what is there already stays",
    ),
    (
        "bind source path does not exist",
        "use an engine that sees this machine's folders, and not one behind a mounted socket or in a virtual machine",
    ),
)


class EngineError(HostCommandError):
    """The docker client failed; the advice is what helps against what it wrote."""

    def __init__(self, argv: list[str], why: str, output: str = "") -> None:
        super().__init__(argv, why, output)
        self.advice = find_cure(output)


def find_cure(output: str) -> str:
    """Return what to do about an error that the docker client, or a build, wrote; empty for one that is unknown."""
    flags = re.IGNORECASE | re.MULTILINE
    return next((cure for pattern, cure in CURES if re.search(pattern, output, flags)), "")


def is_disk_full(error: CommandError) -> bool:
    """Tell whether a command failed for want of room."""
    return "no space left on device" in error.output.lower()


@dataclass
class PullProgress:
    """Hears `docker pull` without a terminal, which tells of layers and not of bytes."""

    say: Say
    _states: dict[str, str] = field(default_factory=dict)

    def __call__(self, line: str) -> None:
        """Hear a line."""
        found = PULL_LAYER.match(line)
        if found:
            self._states[found["layer"]] = found["state"].strip()
            done = sum(state in PULLED for state in self._states.values())
            self.say(Progress(done, len(self._states), "layers"))


@dataclass
class BuildProgress:
    """Hears `docker build --progress=plain`."""

    say: Say
    _stages: dict[str, int] = field(default_factory=dict)
    _running: set[str] = field(default_factory=set)
    _ended: int = 0

    def __call__(self, line: str) -> None:
        """Hear a line."""
        if found := BUILD_STEP.match(line):
            self._stages[found["stage"] or ""] = int(found["total"])
            self._running.add(found["id"])
        elif (found := BUILD_END.match(line)) and found["id"] in self._running:
            self._running.remove(found["id"])
            self._ended += 1
        else:
            return
        self.say(Progress(self._ended, sum(self._stages.values()), "steps of the build"))


def unpack_progress(say: Say, total: int) -> Callable[[str], None]:
    """Return what hears `ctr images import` and counts the images that are unpacked."""
    done = 0

    def hear(line: str) -> None:
        nonlocal done
        if UNPACKED.match(line.strip()):
            done += 1
            say(Progress(done, total, "images unpacked"))

    return hear
