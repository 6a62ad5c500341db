"""Which engines cannot carry an environment, why none answers, and what to do about each."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.host.platform import Host
from harness.tools.engine import Engine, NoEngine

OLDEST = (20, 10)  # the first that knows --cgroupns, which kind gives each node
PORTS = "the cluster's ports would be on the 127.0.0.1 of"
WAIT = "wait until it is less busy; restart it yourself if it hangs"
# What starting it would not mend.
REFUSALS = (
    (r"permission denied", 'sudo usermod --append --groups docker "$USER", then log in again'),
    (
        r"client version \S+ is too new",
        "update the container engine, which is older than the docker client can speak to",
    ),
    (
        r"client version \S+ is too old",
        "update the docker client, which is older than the container engine can speak to",
    ),
)


@dataclass(frozen=True)
class Fault:
    """What is wrong with an engine, and its cure; one that is not fatal may work all the same."""

    why: str
    cure: str
    is_fatal: bool = True


def find_faults(engine: Engine, host: Host) -> Iterator[Fault]:
    """Yield what keeps this engine from carrying an environment, or may."""
    if engine.kind == "podman":
        yield Fault(
            "it is podman's, which docker's client cannot build and run everything with",
            "install Docker, or choose its engine: docker context use default, and unset DOCKER_HOST",
        )
        return
    if engine.os_type != "linux":
        yield Fault(f"it runs {engine.os_type} containers", "switch it to Linux containers")
    version = re.match(r"(\d+)\.(\d+)", engine.version)
    if version and (int(version[1]), int(version[2])) < OLDEST:
        yield Fault(f"it is too old: {engine.version}", f"install Docker {OLDEST[0]}.{OLDEST[1]} or newer")
    if engine.kind == "Docker from snap":
        yield Fault(
            "Docker from snap sees neither /tmp nor the hidden folders of a home",
            "sudo snap remove docker, and install the packages of Docker or of your distribution",
        )
    if engine.is_on_another_machine:
        yield Fault(f"{PORTS} that machine", "use an engine on this machine: docker context use default")
    elif host.is_container and engine.name not in {"", os.uname().nodename}:
        yield Fault(
            f"its socket is mounted into this container, and {PORTS} the host `{engine.name}`",
            "give the container an engine of its own (the feature docker-in-docker), or run outside of the container",
        )
    if engine.is_rootless and engine.cgroup_version == "1":
        yield Fault("without root it needs cgroup v2", "boot with cgroup v2, or use Docker with root")
    elif engine.is_rootless:
        yield Fault(
            "without root, nodes need cgroups that are delegated to you",
            "when a node does not start: delegate cpu, cpuset, io, memory and pids to user@.service, as kind documents",
            is_fatal=False,
        )


def find_refusal(silent: NoEngine) -> str:
    """Return the cure for an engine that is there and refuses the client, or an empty string."""
    return next((cure for pattern, cure in REFUSALS if re.search(pattern, silent.reason, re.IGNORECASE)), "")


def advise_start(silent: NoEngine, host: Host) -> str:
    """Return how the person starts the engine that did not answer."""
    if silent.context.startswith("colima"):
        profile = silent.context.removeprefix("colima").removeprefix("-")
        return f"colima start {profile}".rstrip()
    for context, name in (("desktop", "Docker Desktop"), ("rancher", "Rancher Desktop, with dockerd as its engine")):
        if silent.context.startswith(context):
            return f"start {name}, then run this again"
    if silent.context != "default":
        return f"start the engine of the context `{silent.context}`, or: docker context use default"
    if not host.is_linux:
        return "start Docker Desktop, then run this again"
    return "sudo systemctl start docker, then run this again"
