"""What kind of machine this is, read from its own files."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

CAP_SYS_RESOURCE = 24  # linux/capability.h
SYSTEM_FOLDERS = ("usr/local/sbin", "usr/sbin", "sbin")


@dataclass(frozen=True)
class Host:
    """The facts that decide how the engine is installed and started; `root` stands for `/` in tests."""

    root: Path = Path("/")

    @property
    def is_linux(self) -> bool:
        """Tell whether containers can run here without a virtual machine."""
        return platform.system() == "Linux"

    @property
    def is_root(self) -> bool:
        """Tell whether we may install packages and start daemons."""
        return os.geteuid() == 0

    @property
    def is_debian_like(self) -> bool:
        """Tell whether this is Debian or Ubuntu, or says that it is like them."""
        words = {
            word
            for line in self._read("etc/os-release").splitlines()
            if line.startswith(("ID=", "ID_LIKE="))
            for word in line.split("=", 1)[1].strip('"').split()
        }
        return bool(words & {"debian", "ubuntu"})

    @property
    def has_docker_desktop(self) -> bool:
        """Tell whether this is Linux inside of Windows, where Docker Desktop is installed."""
        folders = ("mnt/wsl/docker-desktop", "mnt/c/Program Files/Docker/Docker")
        return any((self.root / folder).is_dir() for folder in folders)

    @property
    def is_container(self) -> bool:
        """Tell whether this is a container with a network of its own; Toolbx and Distrobox give theirs the host's."""
        if (self.root / "run/.toolboxenv").exists() or "DISTROBOX_ENTER_PATH" in os.environ:
            return False
        return any((self.root / path).exists() for path in (".dockerenv", "run/.containerenv"))

    @property
    def system_path(self) -> str:
        """Return PATH with the folders of administrators, which a person's may lack."""
        return os.pathsep.join([*os.get_exec_path(), *(str(self.root / folder) for folder in SYSTEM_FOLDERS)])

    @property
    def has_service_manager(self) -> bool:
        """Tell whether systemd runs this machine (sd_booted(3))."""
        return (self.root / "run/systemd/system").is_dir()

    @property
    def cgroup_version(self) -> int | None:
        """Return 1, 2, or None where there are no control groups."""
        if (self.root / "sys/fs/cgroup/cgroup.controllers").exists():
            return 2
        return 1 if (self.root / "sys/fs/cgroup").is_dir() else None

    @property
    def missing_capabilities(self) -> list[str]:
        """Return the capabilities that privileged containers want and this machine does not grant."""
        for line in self._read("proc/self/status").splitlines():
            if line.startswith("CapBnd:") and not int(line.split()[1], 16) >> CAP_SYS_RESOURCE & 1:
                return ["CAP_SYS_RESOURCE"]
        return []

    def sysctl(self, name: str) -> int | None:
        """Return a kernel setting such as `fs.inotify.max_user_instances`, or None where there is none."""
        text = self._read(f"proc/sys/{name.replace('.', '/')}").strip()
        return int(text) if text.isdigit() else None

    def _read(self, path: str) -> str:
        try:
            return (self.root / path).read_text()
        except OSError:
            return ""


def go_platform() -> str:
    """Return this machine as Go names it, for example `linux-amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }"
