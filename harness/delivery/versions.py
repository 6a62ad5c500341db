"""DAGs in versions: shards and a list of them, all immutable, and a pointer that names the current version.

The pointer is written last, and in one request: whoever reads sees the old version whole or the new one whole, whenever
the writer dies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from harness.delivery.config_maps import ConfigMaps, Version
from harness.delivery.origin import UNKNOWN, Origin
from harness.delivery.pack import Package
from harness.delivery.target import (
    VERSION_KEY,
    Change,
    Likeness,
    Precondition,
    Target,
    difference,
    drift_of,
    find_config_map,
    origin_of,
    write_config_map,
)
from harness.errors import UsageError, Verb
from harness.gate.verdict import Definitions
from harness.tools import Json
from harness.tools.k8s import Kubernetes
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
        origin: Origin = UNKNOWN,
        check: Precondition | None = None,
    ) -> Change:
        """Write the package as a version, if it is none yet, and point to it; `defined` is what the gate said of it.

        `check` hears what is written over. Raises what it does, DriftError unless forced, and HarnessError when another
        sync came first.
        """
        pointer = find_config_map(self.kubernetes, self.target, refuse_drift=not force)
        if check:
            check(_named(pointer), origin_of(pointer))
        before = self._version_of(pointer)
        written = self.config_maps.create(package, defined)
        is_new = force or _named(pointer) != package.version
        if is_new or origin_of(pointer) != origin:
            self._point_to(package.version, None if force else pointer, origin, is_new=is_new)
        return difference(before.files if before else {}, package.digests, written)

    def point_to(self, version: Version, *, force: bool = False) -> Change:
        """Make a version that is there the current one again; raises DriftError unless forced."""
        pointer = find_config_map(self.kubernetes, self.target, refuse_drift=not force)
        change = difference(self.digests(), version.files)
        self._point_to(version.version, None if force else pointer, version.origin)
        return change

    def version(self) -> str:
        """Return the version that the pointer names, or an empty string."""
        return _named(self._pointer())

    def origin(self) -> Origin:
        """Return where the version that the pointer names comes from."""
        return origin_of(self._pointer())

    def current(self) -> Version | None:
        """Return the version that the pointer names, or None when there is none or it is gone."""
        return self._version_of(self._pointer())

    def compare(self, package: Package) -> Likeness:
        """Return how the current version compares with the package."""
        pointer = self._pointer()
        if pointer is None:
            return "absent"
        if drift_of(pointer):
            return "drift"
        current = self._version_of(pointer)
        whole = current is not None and set(current.shards) <= self.config_maps.shard_ages().keys()
        return "same" if whole and _named(pointer) == package.version else "differs"

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
        keep |= {_named(pointer)}
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
        versions, current = self.config_maps.list(), self.version()
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

    def _version_of(self, pointer: Json | None) -> Version | None:
        version = _named(pointer)
        return self.config_maps.get(version) if version else None

    def _point_to(self, version: str, over: Json | None, origin: Origin, *, is_new: bool = True) -> None:
        # The pointer has the origin, too: so a version and its origin change at once, and only over what was read.
        data = {VERSION_KEY: version}
        write_config_map(self.kubernetes, self.target, digest=version, data=data, origin=origin, over=over)
        self.config_maps.mark(version, origin, self.clock.utc_now() if is_new else None)


def _named(pointer: Json | None) -> str:
    return str(((pointer or {}).get("data") or {}).get(VERSION_KEY, ""))
