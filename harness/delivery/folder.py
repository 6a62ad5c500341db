"""A DAGs folder and its counterpart in the cluster: check, sync, compare, go back."""

import difflib
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from harness.delivery.live import Delivering, Delivery, open_store
from harness.delivery.pack import Package, pack, read
from harness.delivery.problem import RefusedError
from harness.delivery.target import Change, DagStore, Likeness, Target
from harness.delivery.verdict import Verdict
from harness.delivery.versioned import VersionedStore
from harness.errors import UsageError
from harness.tools.k8s import Kubernetes


@dataclass(frozen=True)
class PastVersion:
    """A version in the cluster; `unfinished_runs` is how many DAG runs need it still."""

    version: str
    is_current: bool
    current_since: datetime | None
    files: int
    size_bytes: int
    is_verified: bool
    unfinished_runs: int


@dataclass(frozen=True)
class FileDiff:
    """A file that differs: `cluster` and `folder` tell where it is, `text` is a unified diff from one to the other."""

    path: str
    cluster: bool
    folder: bool
    text: str


@dataclass(frozen=True)
class DagFolder:
    """The folder and its target; `delivering` and `kubernetes` are asked for only when the cluster is."""

    folder: Path
    target: Target
    kubernetes: Callable[[], Kubernetes]
    delivering: Callable[[Target], Delivering]
    gate: Callable[[Package], Verdict]

    @property
    def store(self) -> DagStore:
        """What the cluster holds."""
        return open_store(self.kubernetes(), self.target)

    def package(self, *, known: Collection[str] = (), has_syntax_check: bool = True) -> Package:
        """Return the folder as it would be delivered; raises RefusedError that lists all that is wrong with it."""
        is_flat = not self.target.is_versioned
        return pack(self.folder, is_flat=is_flat, known=known, has_syntax_check=has_syntax_check)

    def check(self, *, known: Collection[str] = ()) -> tuple[Package, Verdict]:
        """Return the folder's package; raises RefusedError if a file does not compile or import as in the cluster."""
        package = self.package(known=known)
        verdict = self.gate(package)
        if verdict.problems:
            raise RefusedError(self.folder, verdict.problems)
        return package, verdict

    def compare(self) -> Likeness:
        """Return how the cluster's DAGs compare with the folder."""
        return self.store.compare(self.package(known=self._known()))

    def write(self) -> None:
        """Put the folder into the cluster, without asking whether anybody reads it yet."""
        self.store.write(self.check()[0])

    def sync(self, *, force: bool = False, is_verified: bool = True) -> Delivery:
        """Deliver the folder and wait until Airflow serves it.

        Raises RefusedError or DriftError before anything is written; `is_verified=False` skips compiling and importing.
        """
        if not is_verified:
            package = self.package(has_syntax_check=False)
            return self.delivering(self.target).deliver(package, force=force, is_verified=False)
        package, verdict = self.check(known=self._known())
        delivery = self.delivering(self.target).deliver(package, force=force)
        return replace(delivery, notes=tuple(map(str, verdict.notes)))

    def wait_until_live(self) -> None:
        """Wait until Airflow runs the DAGs that the cluster holds; raises as `Delivering.deliver`."""
        self.delivering(self.target).make_live(Package(self.store.read()), Change)

    def history(self) -> list[PastVersion]:
        """Return the versions in the cluster, the one that became current last first."""
        store = self._versioned()
        current = store.current()
        runs = Counter(run.bundle_version for run in self.delivering(self.target).airflow.unfinished_runs())
        return [
            PastVersion(
                version=found.version,
                is_current=current is not None and found.version == current.version,
                current_since=found.current_since,
                files=len(found.files),
                size_bytes=found.size_bytes,
                is_verified=found.is_verified,
                unfinished_runs=runs[found.version],
            )
            for found in store.versions.list()
        ]

    def rollback(self, wanted: str = "", *, force: bool = False) -> tuple[str, Delivery]:
        """Go back to the version that begins with `wanted`, or to the one before the current; return it, once live."""
        store = self._versioned()
        version = store.find(wanted)
        package = Package(store.versions.read(version))
        delivering = self.delivering(self.target)
        return version.version, delivering.make_live(package, lambda: store.point_to(version, force=force))

    def diff(self) -> list[FileDiff]:
        """Return what differs between the cluster and the folder, whatever is wrong with it."""
        here = read(self.folder, is_flat=not self.target.is_versioned).files
        there = self.store.read()
        paths = sorted(here.keys() | there.keys())
        return [_compare(path, there.get(path), here.get(path)) for path in paths if there.get(path) != here.get(path)]

    def _known(self) -> Collection[str]:
        """Return the digests of files that need not be compiled again: they have been when they were delivered."""
        if not self.target.is_versioned:
            return ()
        current = self._versioned().current()
        return set(current.files.values()) if current and current.is_verified else ()

    def _versioned(self) -> VersionedStore:
        if not self.target.is_versioned:
            raise UsageError(
                f"the DAG bundle `{self.target.bundle}` has no versions",
                next_step="set `versioned: true` for it in the chart's values",
            )
        return VersionedStore(self.kubernetes(), self.target)


def _compare(path: str, cluster: bytes | None, folder: bytes | None) -> FileDiff:
    try:
        before, after = ((content or b"").decode().splitlines(keepends=True) for content in (cluster, folder))
        text = "".join(difflib.unified_diff(before, after, f"cluster/{path}", f"folder/{path}"))
    except UnicodeDecodeError:
        text = f"binary file {path} differs\n"
    return FileDiff(path, cluster=cluster is not None, folder=folder is not None, text=text)
