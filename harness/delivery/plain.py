"""DAGs in one ConfigMap that is mounted as it is: its keys are the files."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.delivery.origin import UNKNOWN, Origin
from harness.delivery.pack import Package
from harness.delivery.target import (
    Change,
    Likeness,
    Precondition,
    Target,
    difference,
    drift_of,
    files_of,
    find_config_map,
    origin_of,
    write_config_map,
)
from harness.gate.verdict import Definitions
from harness.tools import Json
from harness.tools.k8s import Kubernetes


@dataclass(frozen=True)
class PlainStore:
    """The ConfigMap of a bundle without versions."""

    kubernetes: Kubernetes
    target: Target

    def write(
        self,
        package: Package,
        defined: Definitions | None = None,  # noqa: ARG002 - it has no place here
        *,
        force: bool = False,
        origin: Origin = UNKNOWN,
        check: Precondition | None = None,
    ) -> Change:
        """Make the ConfigMap hold exactly the package, by server-side apply; writes nothing when it does already.

        `check` hears what is written over. Raises what it does, DriftError unless forced, and HarnessError when another
        sync came first.
        """
        config_map = find_config_map(self.kubernetes, self.target, refuse_drift=not force)
        if check:
            check(_version(config_map), origin_of(config_map))
        change = difference(files_of(config_map).digests, package.digests, package.size_bytes)
        if config_map is None or not change.is_empty or force or origin_of(config_map) != origin:
            data = {path: content.decode() for path, content in package.files.items()}
            over = None if force else config_map
            write_config_map(self.kubernetes, self.target, digest=package.version, data=data, origin=origin, over=over)
        return change

    def version(self) -> str:
        """Return the version of the files that are there, or an empty string."""
        return _version(find_config_map(self.kubernetes, self.target))

    def origin(self) -> Origin:
        """Return where the files come from."""
        return origin_of(find_config_map(self.kubernetes, self.target))

    def compare(self, package: Package) -> Likeness:
        """Return how the ConfigMap compares with the package."""
        config_map = find_config_map(self.kubernetes, self.target)
        if config_map is None:
            return "absent"
        if drift_of(config_map):
            return "drift"
        return "same" if difference(files_of(config_map).digests, package.digests).is_empty else "differs"

    def drift(self) -> str:
        """Return what somebody else changed, or an empty string."""
        config_map = find_config_map(self.kubernetes, self.target)
        return drift_of(config_map) if config_map else ""

    def digests(self) -> Mapping[str, str]:
        """Return the digest of each file."""
        return files_of(find_config_map(self.kubernetes, self.target)).digests

    def read(self) -> Package:
        """Return the files."""
        return files_of(find_config_map(self.kubernetes, self.target))

    def delete(self) -> None:
        """Delete the ConfigMap."""
        self.kubernetes.delete("ConfigMap", self.target.config_map, self.target.namespace)


def _version(config_map: Json | None) -> str:
    return files_of(config_map).version if config_map else ""
