"""Looks at everything that an environment needs of this machine, all at once, each with its cure."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from harness.command import CommandError
from harness.errors import Advice, HarnessError, HostError, Verb
from harness.host import ports
from harness.host.engine_checks import WAIT, advise_start, find_faults, find_refusal
from harness.host.platform import Host
from harness.images.package_settings import find_ca
from harness.images.source import Choice
from harness.tools.docker import Docker, find_client
from harness.tools.engine import LOOPBACK, Engine, NoEngine
from harness.tools.go import OLDEST, Go

GB = 10**9
DISK_BYTES = 15 * GB  # measured: images, store, caches and one environment take 11 GB in mirrors mode
MEMORY_BYTES = 6 * GB
CORES = 2
# Measured: a node's systemd, kubelet and containerd take about 21 instances, and nothing tells why the sixth fails.
INOTIFY = {"fs.inotify.max_user_instances": 256, "fs.inotify.max_user_watches": 65536}

PROXIES = {"http_proxy", "https_proxy"}

Verdict = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Check:
    """One finding; `problem` keeps an environment from coming up, `warning` makes it slow or fragile."""

    name: str
    verdict: Verdict
    seen: str
    cure: Advice = ""


@dataclass(frozen=True)
class Machine:
    """What is looked at: a machine, and what one wants to run on it."""

    host: Host
    go: Go
    choice: Choice
    state: Path
    port: int
    has_cluster: bool


def examine(machine: Machine) -> list[Check]:
    """Return all findings; none of the checks changes anything."""
    docker, client_check = _client()
    found = docker.look() if docker else NoEngine("there is no client to ask it")
    engine = found if isinstance(found, Engine) else None
    checks: list[Check] = [client_check, _engine(found, machine.host), _source(machine, engine)]
    for look in (_disk, _memory, _cores, _inotify, _capabilities, _proxy, _certificates, _port, _go, _mmdebstrap):
        checks.extend(look(machine, engine))
    return checks


def check_room(state: Path) -> None:
    """Raise HostError when there is too little disk to begin with."""
    problems = [check for check in _disk_checks(state, None) if check.verdict == "problem"]
    if problems:
        raise HostError(f"{problems[0].name}: {problems[0].seen}", next_step=problems[0].cure)


def _client() -> tuple[Docker | None, Check]:
    try:
        docker = find_client()
    except HarnessError as error:
        cure = error.advice
        return None, Check("docker client", "problem", str(error), cure)
    try:
        return docker, Check("docker client", "ok", docker.call("--version"))
    except CommandError as error:
        return docker, Check("docker client", "problem", str(error))


def _engine(found: Engine | NoEngine, host: Host) -> Check:
    if isinstance(found, NoEngine):
        return _no_engine(found, host)
    store = f"{found.driver} of containerd" if found.has_containerd_store else found.driver
    seen = f"{found.kind} {found.version} on {found.operating_system}, storage {store}, cgroup v{found.cgroup_version}"
    faults = list(find_faults(found, host))
    verdict: Verdict = "problem" if any(fault.is_fatal for fault in faults) else "warning" if faults else "ok"
    why = "; ".join([seen, *(fault.why for fault in faults)])
    return Check("container engine", verdict, why, tuple(fault.cure for fault in faults))


def _no_engine(silent: NoEngine, host: Host) -> Check:
    if silent.is_slow:
        return Check("container engine", "problem", silent.reason, WAIT)
    seen, refusal = f"none answers: {silent.reason}", find_refusal(silent)
    is_ours = host.is_root and host.is_linux and silent.context == "default" and not refusal
    if is_ours:
        cure = Verb("up", "installs and starts it") if host.is_debian_like else advise_start(silent, host)
        return Check("container engine", "warning", seen, cure)
    return Check("container engine", "problem", seen, refusal or advise_start(silent, host))


def _source(machine: Machine, engine: Engine | None) -> Check:
    seen = f"{machine.choice.source}: {machine.choice.reason}"
    version = engine.cgroup_version if engine else str(machine.host.cgroup_version or "")
    if machine.choice.source == "registry" and version == "1":
        return Check(
            "images",
            "problem",
            f"{seen}; kind's node image does not run on cgroup v1",
            'set images = "mirrors", or boot this host with cgroup v2 (systemd.unified_cgroup_hierarchy=1)',
        )
    if machine.choice.source == "mirrors" and engine and not engine.is_on_this_host:
        return Check(
            "images",
            "problem",
            f"{seen}; the engine is on another machine, whose nodes cannot mount the image store",
            'set images = "registry", or use an engine on this Linux host',
        )
    return Check("images", "ok", seen)


def _disk(machine: Machine, engine: Engine | None) -> Iterator[Check]:
    for check in _disk_checks(machine.state, engine):
        # What a cluster needs, it has: from then on a full disk is a worry, and no reason to refuse.
        yield replace(check, verdict="warning") if machine.has_cluster and check.verdict == "problem" else check


def _disk_checks(state: Path, engine: Engine | None) -> Iterator[Check]:
    folders = {"disk of the state folder": _existing(state)}
    if engine and engine.is_on_this_host and Path(engine.root_folder).exists():
        folders["disk of the container engine"] = Path(engine.root_folder)
    for name, folder in folders.items():
        free = shutil.disk_usage(folder).free
        seen = f"{free / GB:.0f} GB free at {folder}"
        if free < DISK_BYTES:
            wanted = f"{DISK_BYTES // GB} GB are needed"
            yield Check(
                name, "problem", f"{seen}; {wanted}", "make room: docker system prune, or HARNESS_STATE elsewhere"
            )
        else:
            yield Check(name, "ok", seen)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _memory(_: Machine, engine: Engine | None) -> Iterator[Check]:
    if engine and not engine.is_on_this_host:
        free = engine.memory_bytes
        seen = f"{free / GB:.1f} GB in the engine's machine"
    else:
        import psutil

        free = psutil.virtual_memory().available
        seen = f"{free / GB:.1f} GB available"
    if free < MEMORY_BYTES:
        cure = "end other programs, or give the engine's virtual machine more"
        yield Check("memory", "warning", seen, f"{MEMORY_BYTES // GB} GB are advised: {cure}")
    else:
        yield Check("memory", "ok", seen)


def _cores(_: Machine, engine: Engine | None) -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = engine.cores if engine and not engine.is_on_this_host else cores
    verdict: Verdict = "ok" if cores >= CORES else "warning"
    yield Check("cores", verdict, str(cores), "" if verdict == "ok" else f"{CORES} are advised: all is slow with fewer")


def _inotify(machine: Machine, _: Engine | None) -> Iterator[Check]:
    for name, least in INOTIFY.items():
        value = machine.host.sysctl(name)
        if value is not None:
            verdict: Verdict = "ok" if value >= least else "warning"
            yield Check(name, verdict, str(value), "" if verdict == "ok" else f"sudo sysctl {name}={least * 2}")


def _capabilities(machine: Machine, engine: Engine | None) -> Iterator[Check]:
    missing = machine.host.missing_capabilities
    if not machine.host.is_linux:
        return
    if not missing:
        yield Check("capabilities", "ok", "all that privileged containers ask for")
    elif engine is None or engine.default_runtime != "runc":
        runtime = engine.default_runtime if engine else "to be configured"
        yield Check("capabilities", "ok", f"{', '.join(missing)} missing; the engine's runtime copes: {runtime}")
    else:
        yield Check(
            "capabilities",
            "problem",
            f"{', '.join(missing)} missing, so `docker run --privileged` fails",
            ("stop the engine", Verb("up", "starts it with a runtime that asks for what is granted")),
        )


def _proxy(_: Machine, __: Engine | None) -> Iterator[Check]:
    for name, value in sorted(os.environ.items()):
        if name.lower() in PROXIES and urlsplit(value).hostname in LOOPBACK:
            yield Check(
                "proxy",
                "warning",
                f"{name} is on this machine's loopback, which in a build is the build's own",
                "let the proxy listen where containers reach it, and set that address",
            )
            return


def _certificates(_: Machine, __: Engine | None) -> Iterator[Check]:
    try:
        bundle = find_ca()
    except HostError as error:
        yield Check("certificates", "problem", str(error), error.advice)
        return
    if bundle:
        yield Check("certificates", "ok", f"builds trust those of {bundle}")
    else:
        cure = "where a proxy has a CA of its own: set SSL_CERT_FILE to a bundle with it"
        yield Check("certificates", "warning", "no bundle of this system is known; builds trust their own", cure)


def _port(machine: Machine, _: Engine | None) -> Iterator[Check]:
    name = f"port {machine.port}"
    if machine.has_cluster:
        yield Check(name, "ok", "of this environment")
    elif ports.is_free(machine.port):
        yield Check(name, "ok", "free")
    else:
        owner = ports.owner_of(machine.port) or "another program"
        yield Check(name, "problem", f"taken by {owner}", "end it, or set HARNESS_PORT")


def _go(machine: Machine, _: Engine | None) -> Iterator[Check]:
    if machine.choice.source == "registry":
        return
    version = machine.go.version()
    seen = f"{version[0]}.{version[1]}" if version else "not on PATH"
    is_new_enough = version is not None and version >= OLDEST
    cure = "" if is_new_enough else f"install Go {OLDEST[0]}.{OLDEST[1]} or newer"
    yield Check("go", "ok" if is_new_enough else "problem", seen, cure)


def _mmdebstrap(machine: Machine, _: Engine | None) -> Iterator[Check]:
    if machine.choice.source == "registry":
        return
    host = machine.host
    if shutil.which("mmdebstrap"):
        yield Check("mmdebstrap", "ok", "on PATH")
    elif host.is_root and host.is_debian_like:
        yield Check("mmdebstrap", "ok", "`harness up` installs it")
    else:
        yield Check("mmdebstrap", "problem", "not on PATH", "as root on Debian or Ubuntu: apt-get install mmdebstrap")
