"""DAGs in one ConfigMap that is mounted as it is: its keys are the files."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.delivery.origin import Origin
from harness.delivery.pack import Package
from harness.delivery.target import (
    Change,
    Likeness,
    Target,
    difference,
    drift_of,
    files_of,
    find_config_map,
    write_config_map,
)
from harness.gate.verdict import Definitions
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
        origin: Origin | None = None,  # noqa: ARG002 - likewise
    ) -> Change:
        """Make the ConfigMap hold exactly the package, by server-side apply; writes nothing when it does already.

        Raises DriftError unless forced.
        """
        config_map = find_config_map(self.kubernetes, self.target, refuse_drift=not force)
        change = difference(files_of(config_map).digests, package.digests, package.size_bytes)
        if config_map is None or not change.is_empty or force:
            data = {path: content.decode() for path, content in package.files.items()}
            write_config_map(self.kubernetes, self.target, digest=package.version, data=data)
        return change

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
