"""DAGs in versions: shards and a list of them, all immutable, and a pointer that names the current version.

The pointer is written last, and in one request: whoever reads sees the old version whole or the new one whole, whenever
the writer dies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from http import HTTPStatus

from harness.delivery.config_maps import ConfigMaps, Version
from harness.delivery.origin import Origin
from harness.delivery.pack import Package
from harness.delivery.target import (
    VERSION_KEY,
    Change,
    Likeness,
    Target,
    difference,
    drift_of,
    find_config_map,
    write_config_map,
)
from harness.errors import HarnessError, UsageError, Verb
from harness.gate.verdict import Definitions
from harness.tools import Json
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import CLOCK, Clock

VERSIONS_KEPT = 5
# A shard without a version may be another sync's, which has not come to its version yet.
SHARD_GRACE = timedelta(minutes=10)


@dataclass(frozen=True)
class Versions:
    """The pointer of a bundle with versions, and what it points to."""

    kubernetes: Kubernetes
    target: Target
    clock: Clock = CLOCK

    @cached_property
    def config_maps(self) -> ConfigMaps:
        """What the versions are kept in."""
        return ConfigMaps(self.kubernetes, self.target)

    def write(
        self,
        package: Package,
        defined: Definitions | None = None,
        *,
        force: bool = False,
        origin: Origin | None = None,
    ) -> Change:
        """Write the package as a version, if it is none yet, and point to it; `defined` is what the gate said of it.

        Raises DriftError unless forced, and HarnessError when another sync came first.
        """
        pointer = find_config_map(self.kubernetes, self.target, refuse_drift=not force)
        before = self.digests()
        written = self.config_maps.create(package, defined)
        if pointer is None or _pointed(pointer) != package.version or force:
            self._point_to(package.version, None if force else pointer, origin)
        return difference(before, package.digests, written)

    def point_to(self, version: Version, *, force: bool = False) -> Change:
        """Make a version that is there the current one again; raises DriftError unless forced."""
        pointer = find_config_map(self.kubernetes, self.target, refuse_drift=not force)
        change = difference(self.digests(), version.files)
        self._point_to(version.version, None if force else pointer)
        return change

    def pointed(self) -> str:
        """Return the version that the pointer names, or an empty string."""
        pointer = self._pointer()
        return _pointed(pointer) if pointer else ""

    def current(self) -> Version | None:
        """Return the version that the pointer names, or None when there is none or it is gone."""
        version = self.pointed()
        return self.config_maps.get(version) if version else None

    def compare(self, package: Package) -> Likeness:
        """Return how the current version compares with the package."""
        pointer = self._pointer()
        if pointer is None:
            return "absent"
        if drift_of(pointer):
            return "drift"
        current = self.config_maps.get(_pointed(pointer))
        whole = current is not None and set(current.shards) <= self.config_maps.shard_ages().keys()
        return "same" if whole and _pointed(pointer) == package.version else "differs"

    def drift(self) -> str:
        """Return what somebody else changed, or an empty string."""
        pointer = self._pointer()
        return drift_of(pointer) if pointer else ""

    def digests(self) -> Mapping[str, str]:
        """Return the digest of each file of the current version."""
        current = self.current()
        return current.files if current else {}

    def read(self) -> Package:
        """Return the files of the current version."""
        current = self.current()
        return self.config_maps.read(current) if current else Package({})

    def delete(self) -> None:
        """Remove the pointer, all versions and all shards."""
        self.kubernetes.delete("ConfigMap", self.target.config_map, self.target.namespace)
        for version in self.config_maps.list():
            self.config_maps.delete(version.version)
        for digest in self.config_maps.shard_ages():
            self.config_maps.delete_shard(digest)

    def collect_garbage(self, needed: frozenset[str]) -> list[str]:
        """Delete old versions and shards that no version holds, and return the versions deleted.

        The last `VERSIONS_KEPT` stay, the current one, and those `needed` by a DAG run.
        """
        versions, pointer = self.config_maps.list(), self._pointer()
        keep = {version.version for version in versions[:VERSIONS_KEPT]} | needed
        keep |= {_pointed(pointer)} if pointer else set()
        gone = [version.version for version in versions if version.version not in keep]
        for version in gone:
            self.config_maps.delete(version)
        held = {digest for version in versions if version.version in keep for digest in version.shards}
        for digest, made in self.config_maps.shard_ages().items():
            if digest not in held and made < self.clock.utc_now() - SHARD_GRACE:
                self.config_maps.delete_shard(digest)
        return gone

    def find(self, wanted: str) -> Version:
        """Return the one version that begins with `wanted`, or without it the one before the current.

        Raises UsageError that names the versions there are.
        """
        versions, current = self.config_maps.list(), self.pointed()
        matching = [
            version
            for version in versions
            if version.version != current and (version.version.startswith(wanted) if wanted else version.current_since)
        ]
        if not matching or (wanted and len(matching) > 1):
            there = ", ".join(version.version for version in versions) or "none"
            what = f"no version {wanted} to go back to" if wanted else "no earlier version to go back to"
            raise UsageError(f"there is {what}; there are: {there}", next_step=Verb("dags history"))
        return matching[0]

    def _pointer(self) -> Json | None:
        return find_config_map(self.kubernetes, self.target)

    def _point_to(self, version: str, over: Json | None, origin: Origin | None = None) -> None:
        try:
            write_config_map(self.kubernetes, self.target, digest=version, data={VERSION_KEY: version}, over=over)
        except KubernetesError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            raise HarnessError(
                f"another sync was faster: the cluster has version {self.pointed()} now, and not this one",
                next_step=(Verb("dags diff", "compares it with the folder"), Verb("dags sync", "delivers over it")),
            ) from None
        self.config_maps.mark_current(version, self.clock.utc_now(), origin)


def _pointed(pointer: Json) -> str:
    return str((pointer.get("data") or {}).get(VERSION_KEY, ""))
