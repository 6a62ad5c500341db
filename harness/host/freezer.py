"""Thaws processes that a killed runc left frozen on cgroup v1, so that their container can go on or be removed."""

from pathlib import Path

from harness.command import CommandError
from harness.tools.docker import Docker

FREEZER = Path("/sys/fs/cgroup/freezer")


def thaw(container_id: str, root: Path = FREEZER) -> int:
    """Thaw every frozen cgroup below the container's and return how many there were."""
    thawed = 0
    for state in root.glob(f"**/*{container_id}*/**/freezer.state"):
        if state.read_text().strip() != "THAWED":
            state.write_text("THAWED")
            thawed += 1
    return thawed


def unpause(docker: Docker, container: str) -> None:
    """Let a paused container go on; one whose processes stay frozen is thawed first."""
    try:
        docker.call("unpause", container)
    except CommandError:
        thaw(docker.inspect(container)["Id"])
        docker.call("unpause", container)
