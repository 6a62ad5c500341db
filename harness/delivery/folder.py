"""A DAGs folder and its counterpart in the cluster: check, sync, compare, go back."""

import difflib
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from harness.delivery.bundles import find_target
from harness.delivery.dag_processor import PodEnvironment, read_environment, settings_of_values
from harness.delivery.live import Bundle, Delivery, open_store
from harness.delivery.origin import UNKNOWN, Origin, refuse_older
from harness.delivery.pack import Package, pack, read
from harness.delivery.plain import PlainStore
from harness.delivery.syntax import check_syntax
from harness.delivery.target import Likeness, Precondition, Target, difference, find_config_map
from harness.delivery.versions import Versions
from harness.errors import Advice, UsageError, Verb
from harness.gate.base import BaseGate
from harness.gate.problem import RefusedError
from harness.gate.verdict import Verdict
from harness.settings import Settings
from harness.tools.airflow import AirflowApi
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import CLOCK, Clock, Unreachable

NO_NEWLINE = "\\ No newline at end of file\n"


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
    origin: Origin = UNKNOWN


@dataclass(frozen=True)
class FileDiff:
    """A file that differs: `cluster` and `folder` tell where it is, `text` is a unified diff from one to the other."""

    path: str
    cluster: bool
    folder: bool
    text: str


@dataclass(frozen=True)
class Plan:
    """What a sync would do: from which version to which, an empty one for none, and to which files."""

    current: str
    version: str
    would_change: bool
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DagFolder:
    """The DAGs folder of the settings; gate, cluster and Airflow are asked for only when they are needed."""

    settings: Settings
    gate: Callable[[], BaseGate]
    kubernetes: Callable[[], Kubernetes]
    airflow: Callable[[], AirflowApi]
    clock: Clock = CLOCK
    read_origin: Callable[[Path], Origin] = lambda _: UNKNOWN

    @cached_property
    def target(self) -> Target:
        """Where the folder's files go."""
        return find_target(self.settings)

    @property
    def store(self) -> Versions | PlainStore:
        """What the cluster holds."""
        return open_store(self.kubernetes(), self.target, self.clock)

    def package(self) -> Package:
        """Return the folder as it would be delivered; raises RefusedError that lists all that is wrong with it."""
        return pack(self.settings.dags_folder, is_flat=not self.target.is_versioned)

    def check_syntax(self) -> None:
        """Raise RefusedError if the folder cannot be delivered or a file does not compile; needs no image."""
        check_syntax(self.settings.dags_folder, self.package())

    def check(self) -> tuple[Package, Verdict]:
        """Return the folder's package; raises RefusedError if a file does not compile or import as in the cluster."""
        package = self.package()
        return package, self._judge(package, self._environment())

    def compare(self) -> Likeness:
        """Return how the cluster's DAGs compare with the folder."""
        return self.store.compare(self.package())

    def write(self) -> None:
        """Put the folder into the cluster, without asking whether anybody reads it yet."""
        package, verdict = self.check()
        self.store.write(package, verdict.defined, origin=self.read_origin(self.settings.dags_folder))

    def sync(self, *, force: bool = False, is_verified: bool = True, planned: Plan | None = None) -> Delivery:
        """Deliver the folder and wait until Airflow serves it.

        Raises RefusedError, DriftError, or UsageError for a commit older than the cluster's, and for a folder or a
        cluster that is not as `planned`, before any of it is current; `is_verified=False` skips compiling and
        importing.
        """
        package, environment = self.package(), self._environment()
        origin = self.read_origin(self.settings.dags_folder)
        check = self._precondition(origin, force=force, planned=planned)
        if planned and planned.version != package.version:
            raise _changed_since_asked("the folder", package.version)
        check(self.store.version(), self.store.origin())  # the gate may take minutes; the write asks once more
        verdict = self._judge(package, environment) if is_verified else None
        outdated = self._outdated(environment)
        try:
            defined = verdict.defined if verdict else None
            delivery = self._bundle(environment).deliver(package, defined, force=force, origin=origin, check=check)
        except Unreachable as error:
            error.advice = (error.advice, outdated)
            raise
        return replace(delivery, notes=tuple(map(str, verdict.notes if verdict else ())), advice=outdated)

    def plan(self, *, force: bool = False, is_verified: bool = True) -> Plan:
        """Return what `sync` would do; raises what it would raise before anything is written."""
        package, store = self.package(), self.store
        current = store.version()
        self._precondition(self.read_origin(self.settings.dags_folder), force=force)(current, store.origin())
        find_config_map(self.kubernetes(), self.target, refuse_drift=not force)
        verdict = self._judge(package, self._environment()) if is_verified else None
        change = difference(store.digests(), package.digests)
        return Plan(
            current=current,
            version=package.version,
            would_change=store.compare(package) != "same",
            added=change.added,
            changed=change.changed,
            removed=change.removed,
            notes=tuple(map(str, verdict.notes if verdict else ())),
        )

    def origin(self) -> Origin:
        """Return where the current version comes from."""
        return self.store.origin()

    def wait_until_live(self) -> None:
        """Wait until Airflow runs the DAGs that the cluster holds; raises as `Bundle.deliver`."""
        self._bundle(self._environment()).wait_until_live()

    def history(self) -> list[PastVersion]:
        """Return the versions in the cluster, the one that became current last first."""
        versions = self._versions()
        current, origin = versions.version(), versions.origin()
        runs = Counter(run.bundle_version for run in self.airflow().unfinished_runs())
        return [
            PastVersion(
                version=found.version,
                is_current=found.version == current,
                current_since=found.current_since,
                files=sum(not path.endswith("/") for path in found.files),
                size_bytes=found.size_bytes,
                is_verified=found.is_verified,
                unfinished_runs=runs[found.version],
                origin=origin if found.version == current else found.origin,
            )
            for found in versions.config_maps.list()
        ]

    def find(self, wanted: str = "") -> str:
        """Return the version that begins with `wanted`, or without it the one before the current; raises UsageError."""
        return self._versions().find(wanted).version

    def rollback(self, wanted: str = "", *, force: bool = False) -> tuple[str, Delivery]:
        """Go back to the version that begins with `wanted`, or to the one before the current; return it, once live."""
        version = self._versions().find(wanted)
        return version.version, self._bundle(self._environment()).go_back(version, force=force)

    def diff(self) -> list[FileDiff]:
        """Return what differs between the cluster and the folder, whatever is wrong with it."""
        here = read(self.settings.dags_folder, is_flat=not self.target.is_versioned)
        there = self.store.read()
        paths = sorted({**here.digests, **there.digests})
        return [_compare(path, there, here) for path in paths if there.digests.get(path) != here.digests.get(path)]

    def _precondition(self, origin: Origin, *, force: bool, planned: Plan | None = None) -> Precondition:
        """Return what refuses to go over a newer commit, unless forced, and over what nobody was asked about."""

        def check(version: str, theirs: Origin) -> None:
            if planned and planned.current != version:
                raise _changed_since_asked("the cluster", version)
            if self.settings.is_elsewhere and not force:
                refuse_older(self.settings.dags_folder, origin, theirs)

        return check

    def _environment(self) -> PodEnvironment:
        """Return how the cluster imports DAG files, and what the chart's values say of it when no cluster answers."""
        try:
            return read_environment(self.kubernetes(), self.settings)
        except KubernetesError as error:
            if error.status:
                raise
            return PodEnvironment(None, settings_of_values(self.settings))

    def _judge(self, package: Package, environment: PodEnvironment) -> Verdict:
        """Return what the gate says of a package; raises RefusedError."""
        verdict = self.gate().check(
            package.files,
            variables=environment.variables,
            settings=environment.settings,
            executables=package.executables,
            folders=package.folders,
            left_out=package.left_out,
            name=self.settings.dags_folder.name,
        )
        if verdict.problems:
            raise RefusedError(self.settings.dags_folder, verdict.problems)
        return verdict

    def _bundle(self, environment: PodEnvironment) -> Bundle:
        return Bundle(self.kubernetes(), self.airflow(), self.target, self.clock, environment.refresh_s)

    def _outdated(self, environment: PodEnvironment) -> Advice:
        """Return what to do about a dag-processor that has old variables, or nothing."""
        if not environment.is_outdated:
            return ()
        settings = self.settings
        return (
            f"the dag-processor has the variables of before the last change of Secret {settings.variables_secret}",
            Verb(f"kubectl -- -n {settings.namespace} delete pod -l {settings.dag_processor}", "starts it anew"),
        )

    def _versions(self) -> Versions:
        if not self.target.is_versioned:
            raise UsageError(
                f"the DAG bundle `{self.target.bundle}` has no versions",
                next_step="set `versioned: true` for it in the chart's values",
            )
        return Versions(self.kubernetes(), self.target, self.clock)


def _changed_since_asked(what: str, version: str) -> UsageError:
    return UsageError(
        f"{what} has changed since you were asked: it has version {version or 'none'} now",
        next_step=Verb("dags sync", "asks again"),
    )


def _compare(path: str, cluster: Package, folder: Package) -> FileDiff:
    before, after = cluster.files.get(path), folder.files.get(path)
    text = "" if path.endswith("/") else _describe(path, before, after)
    if before == after and not path.endswith("/"):
        text = f"{'no longer executable' if path in cluster.executables else 'executable'}\n"
    return FileDiff(path, cluster=path in cluster.digests, folder=path in folder.digests, text=text)


def _describe(path: str, before: bytes | None, after: bytes | None) -> str:
    try:
        old, new = (list(io.StringIO((content or b"").decode(), newline="\n")) for content in (before, after))
    except UnicodeDecodeError:
        return f"binary file {path} differs\n"
    lines = difflib.unified_diff(old, new, f"cluster/{path}", f"folder/{path}")
    return "".join(line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}" for line in lines)
