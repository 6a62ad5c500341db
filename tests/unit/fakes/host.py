"""A machine of any kind."""

from dataclasses import dataclass
from typing import Any

from harness.host.platform import Host


@dataclass(frozen=True)
class FakeHost(Host):
    """Debian as root, with all that one needs, unless said otherwise."""

    is_linux: Any = True
    is_root: Any = True
    is_debian_like: Any = True
    is_container: Any = False
    has_service_manager: Any = False
    cgroup_version: Any = 2
    missing_capabilities: Any = ()

    def sysctl(self, name: str) -> int | None:
        """Return a value that is enough for anything."""
        return None if name.startswith("missing") else 10**6
