"""Chooses where images come from, a container registry or the package mirrors: once for an environment."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from harness.host.platform import Host
from harness.settings import ImageSource

PROBE_S = 3
DOCKER_HUB = "registry-1.docker.io"

Source = Literal["registry", "mirrors"]


@dataclass(frozen=True)
class Choice:
    """The source that was chosen, why, for the person to read, and the registry's mirror where there is one."""

    source: Source
    reason: str
    mirror: str = ""


def choose_source(wanted: ImageSource, host: Host, *, mirror: str = "", kept: Choice | None = None) -> Choice:
    """Return the source: the wanted one, or with `auto` the registry if it answers and its images can run here.

    What was `kept` by an earlier choice holds for what is not said otherwise: with `auto` nobody is asked again, for a
    network that is slow or away for a moment must not turn an environment's images round.
    kind's own node image has a systemd that refuses cgroup v1 (systemd 256 dropped it), so such a host builds its own.
    """
    if kept and wanted == "auto" and mirror in {"", kept.mirror}:
        return kept
    mirror = mirror or (kept.mirror if kept else "")
    if wanted != "auto":
        return Choice(wanted, "as set", mirror)
    if host.is_linux and host.cgroup_version == 1:
        return Choice("mirrors", "kind's node image does not run on cgroup v1", mirror)
    if registry_answers(mirror):
        return Choice("registry", f"{mirror or DOCKER_HUB} answers", mirror)
    return Choice("mirrors", f"{mirror or DOCKER_HUB} does not answer within {PROBE_S} s", mirror)


def registry_answers(mirror: str = "") -> bool:
    """Tell whether the registry speaks its API: 200, or 401 before a login (OCI distribution specification, end-1).

    A mirror is asked by HTTPS, then by HTTP; what follows its host is a prefix of names, and no part of the API's path.
    """
    host = mirror.partition("/")[0] or DOCKER_HUB
    return any(_speaks(f"{scheme}://{host}/v2/") for scheme in (("https", "http") if mirror else ("https",)))


def _speaks(url: str) -> bool:
    import httpx2

    try:
        return httpx2.get(url, timeout=PROBE_S).status_code in {200, 401}
    except httpx2.HTTPError:
        return False


def read_choice(path: Path) -> Choice | None:
    """Return the choice that was kept in a file, or None when there is none that can be read."""
    try:
        return Choice(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def keep_choice(choice: Choice, path: Path) -> None:
    """Keep the choice in a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(choice)))
    partial.rename(path)
