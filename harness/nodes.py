"""The containers that are a cluster's nodes: their names, and how all of a cluster is removed without a trace."""

import shlex
import shutil
from contextlib import suppress

from harness.command import CommandError
from harness.errors import HostError
from harness.host import freezer
from harness.images.imageset import name_image
from harness.images.store import remove_folder
from harness.settings import Settings
from harness.tools.docker import Docker
from harness.tools.kind import CLUSTER_LABEL

ORPHAN_S = 10
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
