"""How images get from the engine into a containerd: that of a node, or that which fills the image store."""

from collections.abc import Sequence

from harness.steps import Say
from harness.tools.docker import Docker

CTR = ("ctr", "--namespace=k8s.io")


def import_images(
    docker: Docker,
    references: Sequence[str],
    container: str,
    say: Say,
    *,
    ctr: Sequence[str] = CTR,
    snapshotter: str = "",
) -> None:
    """Copy images of the engine into the containerd that runs in `container`, which unpacks them.

    The platform is named, because an engine that keeps its images in containerd saves the index of all platforms with
    the content of its own alone.
    """
    flags = ["--local", f"--platform={docker.platform()}", "--discard-unpacked-layers"]
    flags += [f"--snapshotter={snapshotter}"] if snapshotter else []
    docker.save_into(references, container, [*ctr, "images", "import", *flags, "-"], say)


def full_name(reference: str) -> str:
    """Return the reference as containerd keeps it and Kubernetes asks for it: with registry and tag or digest."""
    registry, slash, _ = reference.partition("/")
    if not slash:
        reference = f"docker.io/library/{reference}"
    elif registry != "localhost" and not {".", ":"} & set(registry):
        reference = f"docker.io/{reference}"
    is_exact = {"@", ":"} & set(reference.rpartition("/")[2])
    return reference if is_exact else f"{reference}:latest"
