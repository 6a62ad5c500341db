"""What `docker info` says of the engine behind the client, and of what kind that engine is."""

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Engine:
    """An engine that answers; `endpoint` is where the client reaches it, empty for the usual socket."""

    version: str
    cgroup_version: str
    root_folder: str
    driver: str
    default_runtime: str
    operating_system: str
    cores: int
    memory_bytes: int
    endpoint: str
    name: str = ""
    os_type: str = "linux"
    is_rootless: bool = False
    has_containerd_store: bool = False

    @property
    def kind(self) -> str:
        """Return what people call it, as far as it tells."""
        for kind, is_it in (
            ("Docker Desktop", "Docker Desktop" in self.operating_system),
            ("Rancher Desktop", "rancher-desktop" in self.name or "Rancher Desktop" in self.operating_system),
            ("Colima", self.name.startswith("colima") or "/.colima/" in self.endpoint),
            ("OrbStack", self.operating_system == "OrbStack"),
            ("podman", "containers/storage" in self.root_folder),
            ("Docker from snap", self.root_folder.startswith("/var/snap/")),
            ("rootless Docker", self.is_rootless),
        ):
            if is_it:
                return kind
        return "Docker"

    @property
    def is_on_another_machine(self) -> bool:
        """Tell whether the client reaches it by the network, so that its 127.0.0.1 is not ours."""
        url = urlsplit(self.endpoint)
        return url.scheme == "ssh" or (url.scheme in {"tcp", "http", "https"} and url.hostname not in LOOPBACK)

    @property
    def is_on_this_host(self) -> bool:
        """Tell whether containers may see this host's folders as they are, and not a virtual machine's."""
        is_virtual = self.kind in {"Docker Desktop", "Rancher Desktop", "Colima", "OrbStack"}
        is_by_network = self.endpoint.startswith(("tcp://", "ssh://"))
        return not is_virtual and not is_by_network and os.uname().sysname == "Linux"


@dataclass(frozen=True)
class NoEngine:
    """Why no engine answered, in the client's words; `context` is what the client was told to use.

    One that `is_slow` may be busy, with other people's containers.
    """

    reason: str
    context: str = "default"
    is_slow: bool = False


def read_info(info: dict[str, Any], endpoint: str) -> Engine:
    """Return the engine of `docker info`; an engine that leaves something out is an engine all the same."""
    return Engine(
        version=info["ServerVersion"],
        cgroup_version=info.get("CgroupVersion") or "",
        root_folder=info.get("DockerRootDir") or "",
        driver=info.get("Driver") or "",
        default_runtime=info.get("DefaultRuntime") or "",
        operating_system=info.get("OperatingSystem") or "",
        cores=info.get("NCPU") or 0,
        memory_bytes=info.get("MemTotal") or 0,
        endpoint=endpoint,
        name=info.get("Name") or "",
        os_type=info.get("OSType") or "linux",
        is_rootless="name=rootless" in (info.get("SecurityOptions") or ()),
        has_containerd_store=["driver-type", "io.containerd.snapshotter.v1"] in (info.get("DriverStatus") or ()),
    )
