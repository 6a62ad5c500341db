"""Gets a container engine to answer: installs and starts one where we may, else says how."""

import json
import os
import shutil
from collections.abc import Callable, Collection, Sequence
from importlib.resources import files
from pathlib import Path

from harness.command import CommandError, HostCommandError, run, start_detached
from harness.errors import HostError, UsageError
from harness.host.engine_checks import WAIT, advise_start, find_refusal
from harness.host.platform import Host
from harness.steps import Say
from harness.tools.docker import Docker, find_client
from harness.tools.engine import Engine, NoEngine
from harness.waiting import CLOCK, Clock, NotYet, Unreachable, wait_until

PACKAGES = ("docker.io", "iptables", "mmdebstrap")
# From Debian 13 and Ubuntu 24.04 on, docker.io only recommends the client and its plugin that builds.
PACKAGED_APART = ("docker-buildx", "docker-cli")
INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends")
APT = (
    f"sudo sh -c 'apt-get update && {' '.join((*INSTALL, *PACKAGES))}'; elsewhere: install Docker, then run this again"
)
INSTALL_S = 900
START_S = 60
CONFIG = Path("/etc/docker/daemon.json")
BOUNDED = Path("/usr/local/sbin/runc-bounded")
BOUNDED_RUNTIME = "harness-bounded"
PID_FILES = (Path("/var/run/docker.pid"), Path("/var/run/docker/containerd/containerd.pid"))


def ensure_engine(host: Host, log_folder: Path, say: Say, clock: Clock = CLOCK) -> Docker:
    """Return a client whose engine answers, after installing and starting the engine where that is ours to do.

    On Debian or Ubuntu as root both are done; elsewhere HostError holds the commands to type. An engine that is slow is
    left alone: that is a HostError, too.
    """
    if not shutil.which("dockerd", path=host.system_path) and not has_engine(find_client):
        _install(host, say, HostError("no container engine is installed", next_step=f"on Debian or Ubuntu: {APT}"))
    docker = _find_client(host, say)
    found = docker.look()
    if isinstance(found, NoEngine):
        _check_startable(host, found)
        _start(host, log_folder, say)
        _wait_until_it_answers(docker, clock)
    return docker


def _find_client(host: Host, say: Say) -> Docker:
    try:
        return find_client()
    except HostError as error:
        _install(host, say, error)
        return find_client()


def has_engine(find: Callable[[], Docker]) -> bool:
    """Tell whether there is a client, as `find` returns it, whose engine answers; raises HostError for a slow one."""
    try:
        found = find().look()
    except UsageError:
        return False
    if isinstance(found, NoEngine):
        _check_speed(found)
    return isinstance(found, Engine)


def _check_speed(silent: NoEngine) -> None:
    """Raise HostError for an engine that may only be busy: a restart would end everybody's containers."""
    if silent.is_slow:
        raise HostError(silent.reason, next_step=WAIT)


def _install(host: Host, say: Say, otherwise: HostError) -> None:
    """Install what is missing, or raise what is to be said where that is not ours to do."""
    if not host.is_linux:
        raise HostError(
            "no container engine answers", next_step="install and start Docker Desktop, then run this again"
        )
    if host.has_docker_desktop:
        raise HostError(
            "Docker Desktop does not answer in this WSL distribution",
            next_step="start it, and turn this distribution on in its settings: Resources, WSL integration",
        )
    if not (host.is_root and host.is_debian_like):
        raise otherwise
    say(f"installing {', '.join(PACKAGES)} with apt")
    apt_install(PACKAGES, where_there_are=PACKAGED_APART)


def apt_install(packages: Sequence[str], *, where_there_are: Collection[str] = ()) -> None:
    """Install Debian packages without questions and without starting what they bring; some only if they exist."""
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    # A source that we do not need may be out of reach: what counts is whether the install works.
    run(["apt-get", "update"], timeout_s=INSTALL_S, env=env, check=False)
    known = run(["apt-cache", "pkgnames"], timeout_s=INSTALL_S).stdout.split() if where_there_are else ()
    run(
        [*INSTALL, *packages, *sorted(set(where_there_are) & set(known))],
        timeout_s=INSTALL_S,
        env=env,
        error=HostCommandError,
    )


def _check_startable(host: Host, silent: NoEngine) -> None:
    """Raise HostError, which says what to do, where it is not ours to start the engine."""
    _check_speed(silent)
    refusal = find_refusal(silent)
    if refusal:
        raise HostError(f"the container engine refuses: {silent.reason}", next_step=refusal)
    if os.environ.get("DOCKER_HOST"):
        raise HostError(
            f"no container engine answers at DOCKER_HOST={os.environ['DOCKER_HOST']}",
            next_step="start that engine, or unset DOCKER_HOST",
        )
    if not (host.is_linux and host.is_root and silent.context == "default"):
        raise HostError(f"the container engine does not answer: {silent.reason}", next_step=advise_start(silent, host))


def _start(host: Host, log_folder: Path, say: Say) -> None:
    if host.missing_capabilities:
        _configure_bounded_runtime()
    if host.has_service_manager:
        say("starting the container engine: systemctl restart docker")
        run(["systemctl", "restart", "docker"], timeout_s=START_S, error=HostCommandError)
    else:
        log = log_folder / "dockerd.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        say(f"starting the container engine: dockerd, which logs to {log}")
        _remove_stale_pid_files()
        start_detached(["dockerd"], log=log, env={"PATH": host.system_path})


def _configure_bounded_runtime() -> None:
    """Write the engine's configuration; one that a person wrote is not ours to change."""
    wanted = {
        "default-runtime": BOUNDED_RUNTIME,
        "runtimes": {BOUNDED_RUNTIME: {"path": str(BOUNDED)}},
    }
    if CONFIG.exists():
        try:
            present = json.loads(CONFIG.read_text() or "{}")
        except ValueError as error:
            raise HostError(f"{CONFIG} is not JSON: {error}", next_step="correct it, then run this again") from None
        if not wanted.items() <= present.items():
            raise HostError(
                f"this host lacks CAP_SYS_RESOURCE, so the engine needs another runtime, and {CONFIG} is yours",
                next_step=f"merge this into {CONFIG}: {json.dumps(wanted)}",
            )
    BOUNDED.write_text(files("harness.host").joinpath("runc_bounded.py").read_text("utf-8"))
    BOUNDED.chmod(0o755)
    if not CONFIG.exists():
        CONFIG.parent.mkdir(parents=True, exist_ok=True)
        CONFIG.write_text(json.dumps(wanted, indent=2) + "\n")


def _remove_stale_pid_files() -> None:
    """A killed engine leaves its files behind, and refuses to start when that number lives again as another process."""
    for path in PID_FILES:
        try:
            pid = int(path.read_text())
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError):
            name = ""
        if name not in {"dockerd", "containerd"}:
            path.unlink(missing_ok=True)


def _wait_until_it_answers(docker: Docker, clock: Clock) -> Engine:
    def probe() -> Engine | NotYet:
        try:
            engine = docker.engine()
        except CommandError as error:
            raise Unreachable(str(error)) from None
        return engine or NotYet("`docker info` gets no answer")

    return wait_until(
        "container engine",
        probe,
        timeout_s=START_S,
        next_step="read the engine's log: dockerd.log in the state folder, or `journalctl -u docker`",
        party="host",
        clock=clock,
    )
