"""What engines say of themselves in `docker info`, the fields that are read, as published; `source` says where."""

from dataclasses import dataclass, field
from typing import Any

CLASSIC = [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]]
CONTAINERD = [["driver-type", "io.containerd.snapshotter.v1"]]
SECURITY = ["name=seccomp,profile=builtin", "name=cgroupns"]


@dataclass(frozen=True)
class Recorded:
    """One engine's answer, and what is right for it: its name, and a part of the fault and of the cure, if any."""

    source: str
    answer: dict[str, Any]
    kind: str
    why: str = ""
    cure: str = ""
    verdict: str = "ok"
    endpoint: str = ""
    is_on_this_host: bool = False
    has_containerd_store: bool = False


def linux(**others: Any) -> dict[str, Any]:
    return {
        "OperatingSystem": "Ubuntu 24.04.3 LTS",
        "OSType": "linux",
        "Driver": "overlay2",
        "DriverStatus": CLASSIC,
        "CgroupVersion": "2",
        "DefaultRuntime": "runc",
        "DockerRootDir": "/var/lib/docker",
        "SecurityOptions": SECURITY,
        "NCPU": 4,
        "MemTotal": 16_000_000_000,
        "ClientInfo": {"Context": "default"},
        **others,
    }


ENGINES = {
    "Engine 20.10": Recorded(
        "`docker info` of Debian 12's docker.io",
        linux(ServerVersion="20.10.24+dfsg1", CgroupVersion="1", OperatingSystem="Debian GNU/Linux 12 (bookworm)"),
        "Docker",
        is_on_this_host=True,
    ),
    "Engine 29, upgraded": Recorded(
        "https://github.com/caprover/caprover/issues/2377",
        linux(ServerVersion="29.4.1"),
        "Docker",
        is_on_this_host=True,
    ),
    "Engine 29, new": Recorded(
        "https://github.com/canonical/ubuntu-server-documentation/pull/736, https://github.com/moby/moby/issues/46757",
        linux(ServerVersion="29.0.0", Driver="overlayfs", DriverStatus=CONTAINERD),
        "Docker",
        is_on_this_host=True,
        has_containerd_store=True,
    ),
    "Engine 18.06": Recorded(
        "https://github.com/kata-containers/runtime/issues/717",
        # It says nothing of a cgroup version, and its client nothing of itself.
        {"ServerVersion": "18.06.1-ce", "Driver": "overlay2", "OperatingSystem": "Ubuntu 16.04.4 LTS", "NCPU": 48},
        "Docker",
        why="too old: 18.06.1-ce",
        cure="install Docker 20.10 or newer",
        verdict="problem",
        is_on_this_host=True,
    ),
    "Docker Desktop on macOS": Recorded(
        "https://github.com/docker/for-win/issues/14460",
        linux(
            ServerVersion="27.3.1",
            OperatingSystem="Docker Desktop",
            Name="docker-desktop",
            Driver="overlayfs",
            DriverStatus=CONTAINERD,
            ClientInfo={"Context": "desktop-linux"},
        ),
        "Docker Desktop",
        endpoint="unix:///Users/me/.docker/run/docker.sock",
        has_containerd_store=True,
    ),
    "Docker Desktop in WSL2": Recorded(
        "https://github.com/docker/desktop-feedback/issues/451",
        linux(ServerVersion="29.1.3", OperatingSystem="Docker Desktop", Name="docker-desktop", CgroupVersion="1"),
        "Docker Desktop",
    ),
    "Docker Desktop with Windows containers": Recorded(
        "https://github.com/docker/desktop-feedback/issues/162",
        linux(
            ServerVersion="29.2.1",
            OperatingSystem="Docker Desktop",
            OSType="windows",
            Driver="windowsfilter",
            DriverStatus=[["Windows", ""]],
            CgroupVersion=None,
            SecurityOptions=None,
            ClientInfo={"Context": "desktop-windows"},
        ),
        "Docker Desktop",
        why="it runs windows containers",
        cure="switch it to Linux containers",
        verdict="problem",
        endpoint="npipe:////./pipe/dockerDesktopWindowsEngine",
    ),
    "Colima": Recorded(
        "https://github.com/abiosoft/colima/issues/84, https://github.com/ddev/ddev-contrib/pull/185",
        linux(ServerVersion="27.4.0", Name="colima", ClientInfo={"Context": "colima"}),
        "Colima",
        endpoint="unix:///Users/andrew/.colima/docker.sock",
    ),
    "Rancher Desktop on macOS": Recorded(
        "https://github.com/ddev/ddev/issues/6259",
        linux(
            ServerVersion="26.1.0",
            OperatingSystem="Alpine Linux v3.19",
            Name="lima-rancher-desktop",
            ClientInfo={"Context": "rancher-desktop"},
        ),
        "Rancher Desktop",
        endpoint="unix:///Users/me/.rd/docker.sock",
    ),
    "Rancher Desktop in WSL2": Recorded(
        "https://docs.rancherdesktop.io",
        linux(ServerVersion="27.3.1", OperatingSystem="Rancher Desktop WSL Distribution", Name="laptop"),
        "Rancher Desktop",
    ),
    "podman": Recorded(
        "https://github.com/podman-container-tools/podman/issues/6015, .../podman/issues/16721",
        {
            "ServerVersion": "4.3.1",
            "Driver": "overlay",
            "DriverStatus": [["Backing Filesystem", "xfs"], ["Supports d_type", "true"]],
            "DockerRootDir": "/home/me/.local/share/containers/storage",
            "OperatingSystem": "fedora",
            "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"],
            "CgroupVersion": "2",
            "NCPU": 4,
            "MemTotal": 16_000_000_000,
            "ClientInfo": {"Context": "default"},
        },
        "podman",
        why="it is podman's",
        cure="install Docker",
        verdict="problem",
        is_on_this_host=True,
    ),
    "rootless": Recorded(
        "https://docs.docker.com/engine/security/rootless",
        linux(
            ServerVersion="28.1.1",
            DockerRootDir="/home/me/.local/share/docker",
            SecurityOptions=[*SECURITY, "name=rootless"],
            ClientInfo={"Context": "rootless"},
        ),
        "rootless Docker",
        why="cgroups that are delegated",
        cure="user@.service",
        verdict="warning",
        endpoint="unix:///run/user/1000/docker.sock",
        is_on_this_host=True,
    ),
    "rootless on cgroup v1": Recorded(
        "https://github.com/kubernetes/minikube/pull/10878",
        linux(
            ServerVersion="20.10.5",
            OperatingSystem="Ubuntu 20.04.2 LTS",
            CgroupVersion="1",
            DockerRootDir="/home/me/.local/share/docker",
            SecurityOptions=["name=seccomp,profile=default", "name=rootless"],
        ),
        "rootless Docker",
        why="without root it needs cgroup v2",
        cure="boot with cgroup v2",
        verdict="problem",
        is_on_this_host=True,
    ),
    "snap": Recorded(
        "https://github.com/canonical/docker-snap, https://github.com/docker/cli/issues/3961",
        linux(ServerVersion="28.1.1", DockerRootDir="/var/snap/docker/common/var-lib-docker"),
        "Docker from snap",
        why="sees neither /tmp nor the hidden folders",
        cure="sudo snap remove docker",
        verdict="problem",
        is_on_this_host=True,
    ),
    "remote context": Recorded(
        "https://docs.docker.com/engine/manage-resources/contexts",
        linux(ServerVersion="29.0.0", Name="build", ClientInfo={"Context": "build"}),
        "Docker",
        why="on the 127.0.0.1 of that machine",
        cure="docker context use default",
        verdict="problem",
        endpoint="ssh://me@build.test",
    ),
}


@dataclass(frozen=True)
class Silent:
    """What a client says when no engine serves it, and what is right: some words of it, and of the cure."""

    source: str
    words: str
    cure: str
    answer: dict[str, Any] = field(default_factory=dict)


def _refused(source: str, reason: str, cure: str, context: str = "default") -> Silent:
    info = f'{{"ServerErrors": ["{reason}"], "ClientInfo": {{"Context": "{context}"}}}}'
    return Silent(source, reason[:40], cure, {"stdout": info})


AWAY = "Cannot connect to the Docker daemon at unix:///home/me/{}. Is the docker daemon running?"
SILENT = {
    "without rights": _refused(
        "https://docs.docker.com/engine/install/linux-postinstall",
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
        "usermod --append --groups docker",
    ),
    "client too new": _refused(
        "https://stackoverflow.com/questions/51028784",
        "Error response from daemon: client version 1.52 is too new. Maximum supported API version is 1.41",
        "update the container engine",
    ),
    "client too old": _refused(
        "https://github.com/portainer/portainer/issues/12925",
        "Error response from daemon: client version 1.41 is too old. Minimum supported API version is 1.44",
        "update the docker client",
    ),
    "Docker Desktop off": _refused(
        "https://docs.docker.com/desktop/troubleshoot-and-support/troubleshoot",
        AWAY.format(".docker/desktop/docker.sock"),
        "start Docker Desktop",
        "desktop-linux",
    ),
    "Colima off": _refused(
        "https://github.com/abiosoft/colima/issues/84",
        "failed to connect to the docker API at unix:///home/me/.colima/work/docker.sock",
        "colima start work",
        "colima-work",
    ),
    "Rancher Desktop off": _refused(
        "https://github.com/rancher-sandbox/rancher-desktop/issues/1468",
        "request returned Bad Gateway for API route and version http://%2Fvar%2Frun%2Fdocker.sock/v1.24/info",
        "start Rancher Desktop, with dockerd as its engine",
        "rancher-desktop",
    ),
    "another context": _refused(
        "https://docs.docker.com/engine/manage-resources/contexts",
        "error during connect: Get http://docker.example.com/v1.24/info: command [ssh] has exited with exit status 255",
        "start the engine of the context `build`, or: docker context use default",
        "build",
    ),
}
