"""Chooses where images come from: a container registry, or the package mirrors."""

from dataclasses import dataclass
from typing import Literal

import httpx2

from harness.host.platform import Host
from harness.settings import ImageSource

PROBE_S = 3
DOCKER_HUB = "registry-1.docker.io"

Source = Literal["registry", "mirrors"]


@dataclass(frozen=True)
class Choice:
    """The source that was chosen, and why, for the person to read."""

    source: Source
    reason: str


def choose_source(wanted: ImageSource, host: Host, *, mirror: str = "") -> Choice:
    """Return the source: the wanted one, or with `auto` the registry if it answers and its images can run here.

    kind's own node image has a systemd that refuses cgroup v1 (systemd 256 dropped it), so such a host builds its own.
    """
    if wanted != "auto":
        return Choice(wanted, "as set")
    if host.is_linux and host.cgroup_version == 1:
        return Choice("mirrors", "kind's node image does not run on cgroup v1")
    if registry_answers(mirror):
        return Choice("registry", f"{mirror or DOCKER_HUB} answers")
    return Choice("mirrors", f"{mirror or DOCKER_HUB} does not answer within {PROBE_S} s")


def registry_answers(mirror: str = "") -> bool:
    """Tell whether the registry speaks its API: 200, or 401 before a login (OCI distribution specification, end-1)."""
    base = f"http://{mirror}" if mirror else f"https://{DOCKER_HUB}"
    try:
        return httpx2.get(f"{base}/v2/", timeout=PROBE_S).status_code in {200, 401}
    except httpx2.HTTPError:
        return False
