"""The containers that are a cluster's nodes: their names, how they rest, and how they are removed without a trace."""

import shlex
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from harness.command import CommandError
from harness.errors import HostError
from harness.host import freezer
from harness.images.imageset import name_image
from harness.images.store import remove_folder
from harness.settings import Settings
from harness.steps import Say
from harness.tools.docker import Docker
from harness.tools.kind import CLUSTER_LABEL

ORPHAN_S = 10
# What a node may take to end its pods' processes before it is killed.
STOP_S = 20
STOPPED = {"created", "dead", "exited"}  # the engine's words
RESTING = {"stopped", "paused"}  # ours


@dataclass(frozen=True)
class Rest:
    """How an environment's nodes rest, `stopped` or `paused`, and the verb that brings them back."""

    state: str
    verb: str


HELPER = name_image("postgres", "*")  # of both sources, and with a shell


def cluster_name(settings: Settings) -> str:
    """Return the name that an environment's cluster and network have."""
    return f"harness-{settings.name}"


def control_plane(settings: Settings) -> str:
    """Return the name of the node that runs the control plane, as kind gives it."""
    return f"{cluster_name(settings)}-control-plane"


def list_nodes(docker: Docker, settings: Settings) -> dict[str, str]:
    """Return node name -> container state, of an environment's nodes that are there."""
    return docker.list_containers(f"{CLUSTER_LABEL}={cluster_name(settings)}")


def rest_of(states: Mapping[str, str]) -> Rest | None:
    """Return how nodes of these container states rest, or None when none does."""
    if STOPPED & set(states.values()):
        return Rest("stopped", "start")
    return Rest("paused", "resume") if "paused" in states.values() else None


def stop_nodes(docker: Docker, settings: Settings) -> None:
    """Stop an environment's nodes, paused ones too; their containers stay."""
    states = list_nodes(docker, settings)
    for node in [node for node, state in states.items() if state == "paused"]:
        freezer.unpause(docker, node)
    docker.call("stop", f"--time={STOP_S}", *states, timeout_s=STOP_S * 4)


def pause_nodes(docker: Docker, settings: Settings) -> None:
    """Let every process on an environment's nodes stand still."""
    docker.call("pause", *(node for node, state in list_nodes(docker, settings).items() if state != "paused"))


def wake_nodes(docker: Docker, settings: Settings, say: Say) -> None:
    """Start the nodes that are stopped, and let those go on that are paused."""
    for node, state in list_nodes(docker, settings).items():
        if state == "paused":
            freezer.unpause(docker, node)
        elif state != "running":
            say(f"starting node {node}, which is {state}")
            docker.call("start", node)


def remove_cluster(docker: Docker, settings: Settings) -> None:
    """Remove containers, network and folder; needs no kind and no image, so that it works after any accident.

    Raises HostError when the folder holds files of other users, and nothing is here that may remove them.
    """
    name = cluster_name(settings)
    _end_orphans(settings)
    images = []
    for node in list_nodes(docker, settings):
        images.append(docker.inspect(node)["Image"])
        remove_container(docker, node)
    for network in docker.list_networks(name):
        docker.call("network", "rm", network)
    if settings.folder.exists():
        try:
            shutil.rmtree(settings.folder)
        except PermissionError as error:
            images += docker.list_images(HELPER)
            if not images:
                raise HostError(str(error), next_step=f"sudo rm -r {shlex.quote(str(settings.folder))}") from None
            remove_folder(docker, images[0], settings.folder)


def _end_orphans(settings: Settings) -> None:
    """End a `kind create` of this environment whose harness was killed: it would go on making what is removed here."""
    import psutil

    ours = f"--kubeconfig={settings.kubeconfig}"
    for process in psutil.process_iter(["cmdline"]):
        if ours in (process.info["cmdline"] or ()):
            with suppress(psutil.NoSuchProcess):  # it ended by itself
                process.kill()
                process.wait(ORPHAN_S)


def remove_container(docker: Docker, container: str) -> None:
    """Remove a container by force; on cgroup v1 one whose processes are frozen is thawed first.

    A runc that is killed while it holds a cgroup frozen leaves processes that cannot die.
    """
    try:
        docker.call("rm", "--force", "--volumes", container, timeout_s=90)
    except CommandError:
        freezer.thaw(docker.inspect(container)["Id"])
        docker.call("rm", "--force", "--volumes", container, timeout_s=90)
