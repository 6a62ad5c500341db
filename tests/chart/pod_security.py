"""The Pod Security Standard `restricted`, control by control: what a pod says, and what the standard lets it say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .render import Object, containers

NOTHING: frozenset[str] = frozenset()
HOST = ("hostNetwork", "hostPID", "hostIPC")
SELDOM = ("privileged", "procMount", "seLinuxOptions", "appArmorProfile", "windowsOptions")
VOLUMES = "configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret"


@dataclass(frozen=True)
class Control:
    """One control: what it lets a pod say, or with `but` all else than that, and how to read that from a pod."""

    name: str
    allowed: frozenset[str]
    read: Callable[[Object], Iterable[Any]]
    but: bool = False

    def seen(self, pods: Iterable[Object]) -> set[str]:
        """Return all that these pods say of it."""
        return {spelled(value) for pod in pods for value in self.read(pod)}

    def refused(self, pods: Iterable[Object]) -> set[str]:
        """Return what the standard refuses of that."""
        seen = self.seen(pods)
        return seen & self.allowed if self.but else seen - self.allowed

    def had(self, pods: Iterable[Object]) -> str:
        """Return all that these pods say of it, in words."""
        return ", ".join(f"`{word}`" for word in sorted(self.seen(pods))) or "not set"

    @property
    def asked(self) -> str:
        """Return what the standard asks for, in words."""
        words = ", ".join(f"`{word}`" for word in sorted(self.allowed))
        if not words:
            return "not to be set"
        return f"not {words}" if self.but else f"no other than {words}"


def spelled(value: Any) -> str:
    """Return a value as YAML has it, on one line."""
    return value if isinstance(value, str) else json.dumps(value)


def in_containers(name: str) -> Callable[[Object], Iterable[Any]]:
    """Return what reads a field of each container's securityContext, which wins over that of its pod."""

    def read(pod: Object) -> Iterable[Any]:
        own = pod["spec"].get("securityContext", {})
        return [one.get("securityContext", {}).get(name, own.get(name)) for one in containers(pod)]

    return read


def set_anywhere(names: Iterable[str]) -> Callable[[Object], Iterable[Any]]:
    """Return what reads which of these fields a pod's securityContext, or a container's, sets."""

    def read(pod: Object) -> Iterable[Any]:
        contexts = [one.get("securityContext", {}) for one in (pod["spec"], *containers(pod))]
        return [name for name in names for context in contexts if name in context]

    return read


CONTROLS = (
    Control("host namespaces", NOTHING, lambda pod: [name for name in HOST if name in pod["spec"]]),
    Control(
        "host ports",
        NOTHING,
        lambda pod: [port for one in containers(pod) for port in one.get("ports", []) if "hostPort" in port],
    ),
    Control("privileged, SELinux, AppArmor, /proc, Windows", NOTHING, set_anywhere(SELDOM)),
    Control("sysctls", NOTHING, set_anywhere(["sysctls"])),
    Control(
        "volumes",
        frozenset(VOLUMES.split()),
        lambda pod: [kind for one in pod["spec"].get("volumes", []) for kind in one if kind != "name"],
    ),
    Control("allowPrivilegeEscalation", frozenset({"false"}), in_containers("allowPrivilegeEscalation")),
    Control("runAsNonRoot", frozenset({"true"}), in_containers("runAsNonRoot")),
    Control("runAsUser", frozenset({"0"}), in_containers("runAsUser"), but=True),
    Control("capabilities", frozenset({'{"drop": ["ALL"]}'}), in_containers("capabilities")),
    Control("seccompProfile", frozenset({'{"type": "RuntimeDefault"}'}), in_containers("seccompProfile")),
)
