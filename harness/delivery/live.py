"""Delivers packages to a DAG bundle and waits until Airflow runs them."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.delivery.config_maps import Version
from harness.delivery.origin import UNKNOWN, Origin
from harness.delivery.pack import Package
from harness.delivery.parses import Before, TextParses, VersionParses
from harness.delivery.plain import PlainStore
from harness.delivery.served import ServedCheck, find_file
from harness.delivery.target import Change, Precondition, Target
from harness.delivery.versions import Versions
from harness.errors import Advice, HarnessError, Verb
from harness.gate.verdict import Definitions
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_client import retry_unreachable
from harness.tools.airflow_records import Dag
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import CLOCK, Clock, NotYet, Unreachable, wait_until

LIVE_TIMEOUT_S = 120.0
INTERVAL_S = 0.5
SLOW_S = 30.0
# The watches of the ConfigMap and of the pod have no order between them, so one touch may come too early.
TOUCH_AGAIN_S = 3.0
TOUCH_ANNOTATION = "harness.dev/dags-touched"


@dataclass(frozen=True)
class Delivery:
    """A delivery that is live, and how many seconds that took.

    `added_dags`, `changed_dags` and `removed_dags` count DAGs, `other_files` the files without one that changed;
    `notes` tell what could not be checked before, `advice` what to do about what may yet fail.
    """

    change: Change
    seconds: float
    added_dags: int = 0
    changed_dags: int = 0
    removed_dags: int = 0
    other_files: int = 0
    notes: tuple[str, ...] = ()
    advice: Advice = ()


@dataclass(frozen=True)
class Bundle:
    """One DAG bundle: the ConfigMaps that hold its files, and the Airflow that reads them.

    `refresh_s` is how often that Airflow looks for new files.
    """

    kubernetes: Kubernetes
    airflow: AirflowApi
    target: Target
    clock: Clock = CLOCK
    refresh_s: float = 0.0

    @property
    def store(self) -> Versions | PlainStore:
        """What the cluster holds."""
        return open_store(self.kubernetes, self.target, self.clock)

    def deliver(
        self,
        package: Package,
        defined: Definitions | None = None,
        *,
        force: bool = False,
        origin: Origin = UNKNOWN,
        check: Precondition | None = None,
    ) -> Delivery:
        """Write the package and wait until Airflow runs exactly its DAGs; `defined` is what the gate said of them.

        `check` hears what is written over, and may refuse. Raises DriftError unless forced, Unreachable with Airflow's
        stack trace when a file cannot be imported, WaitTimeoutError with what is missing.
        """
        start, before, store = self.clock.now(), self._look(), self.store
        change = store.write(package, defined, force=force, origin=origin, check=check)
        delivery = self._wait(package, defined, change, before, start)
        if isinstance(store, Versions):
            needed = {run.bundle_version for run in self.airflow.unfinished_runs() if run.bundle_version}
            store.collect_garbage(frozenset(needed))
        return delivery

    def go_back(self, version: Version, *, force: bool = False) -> Delivery:
        """Make a version that is there the current one again; raises as `deliver`."""
        start, before, versions = self.clock.now(), self._look(), Versions(self.kubernetes, self.target, self.clock)
        package = versions.config_maps.read(version)
        change = versions.point_to(version, force=force)
        return self._wait(package, version.defined, change, before, start)

    def wait_until_live(self) -> Delivery:
        """Wait until Airflow runs what the cluster holds; raises as `deliver`."""
        start, before, store = self.clock.now(), self._look(), self.store
        current = store.current() if isinstance(store, Versions) else None
        return self._wait(store.read(), current.defined if current else None, Change(), before, start)

    def remove(self) -> None:
        """Delete all of the target and wait until Airflow has no DAG of it any more; raises WaitTimeoutError."""
        self.store.delete()
        start = self.clock.now()
        toucher = _Toucher(self)

        def probe() -> bool | NotYet:
            toucher.touch_if_due(self.clock.now() - start)
            left = [dag.dag_id for dag in self.airflow.dags(bundle_name=self.target.bundle)]
            return NotYet(f"still there: {', '.join(left)}") if left else True

        what = f"the end of the DAGs of ConfigMap {self.target.config_map}"
        wait_until(what, retry_unreachable(probe), timeout_s=self._timeout_s, interval_s=INTERVAL_S, clock=self.clock)

    @property
    def _timeout_s(self) -> float:
        return LIVE_TIMEOUT_S + self.refresh_s

    def _look(self) -> Before:
        errors = self.airflow.import_errors(bundle_name=self.target.bundle)
        return Before(
            self.clock.utc_now(),
            {dag.dag_id: dag for dag in self.airflow.dags(bundle_name=self.target.bundle)},
            {error.filename: error.stack_trace for error in errors},
        )

    def _wait(
        self, package: Package, defined: Definitions | None, change: Change, before: Before, start: float
    ) -> Delivery:
        store = self.store
        parses = (
            VersionParses(store, package, defined, before)
            if isinstance(store, Versions)
            else TextParses(self.airflow, package, defined, before, change)
        )
        check = ServedCheck(self.airflow, self.target.bundle, package, defined, parses)
        toucher = _Toucher(self)
        if not change.is_empty:
            toucher.touch_if_due(0)

        def probe() -> bool | NotYet:
            waited_s = self.clock.now() - start
            missing = check.missing(waited_s)
            if missing:
                _raise_if_superseded(store, package.version)
                toucher.touch_if_due(waited_s)
            return NotYet("; ".join(missing)) if missing else True

        slow = f" (it looks for new files every {self.refresh_s:.0f} s, [dag_processor] refresh_interval)"
        wait_until(
            f"Airflow running the DAGs of ConfigMap {self.target.config_map}{slow if self.refresh_s >= SLOW_S else ''}",
            retry_unreachable(probe),
            timeout_s=self._timeout_s,
            interval_s=INTERVAL_S,
            next_step=Verb("logs dag-processor"),
            clock=self.clock,
        )
        return _sum_up(change, self.clock.now() - start, before.dags, check.seen)


def open_store(kubernetes: Kubernetes, target: Target, clock: Clock = CLOCK) -> Versions | PlainStore:
    """Return the target's store, by whether its bundle has versions."""
    return Versions(kubernetes, target, clock) if target.is_versioned else PlainStore(kubernetes, target)


def _raise_if_superseded(store: Versions | PlainStore, version: str) -> None:
    """Raise Unreachable when another sync has pointed elsewhere since."""
    if not isinstance(store, Versions):
        return
    try:
        pointed = store.version()
    except KubernetesError as error:
        if not error.is_away:
            raise
        return
    if pointed != version:
        raise Unreachable(
            f"version {version} is delivered, but another sync made version {pointed} current before it was live",
            next_step=Verb("dags history"),
        )


@dataclass
class _Toucher:
    """Makes the kubelet look at the files of the dag-processor's pods, which it does when a pod changes.

    Else it looks every 60 to 90 s. A versioned bundle has no files that the kubelet brings.
    """

    bundle: Bundle
    count: int = 0

    def touch_if_due(self, waited_s: float) -> None:
        """Touch the pods, and again after a while; raises HarnessError when there is none."""
        target, kubernetes = self.bundle.target, self.bundle.kubernetes
        if target.is_versioned or waited_s < self.count * TOUCH_AGAIN_S:
            return
        self.count += 1
        pods = kubernetes.list("Pod", target.namespace, label_selector=target.readers)
        if not pods:
            raise HarnessError(
                f"no dag-processor pod ({target.readers}) in namespace {target.namespace}, so none reads DAGs",
                next_step=Verb("up", "brings it back; then sync again"),
            )
        mark = {TOUCH_ANNOTATION: self.bundle.clock.utc_now().isoformat()}
        for pod in pods:
            kubernetes.patch_annotations("Pod", pod["metadata"]["name"], target.namespace, mark)


def _sum_up(change: Change, seconds: float, before: Mapping[str, Dag], after: Mapping[str, Dag]) -> Delivery:
    with_dags = {find_file(dag.relative_fileloc, change.paths) for dag in (*before.values(), *after.values())}
    both = after.keys() & before.keys()
    return Delivery(
        change,
        seconds,
        added_dags=len(after.keys() - before.keys()),
        changed_dags=sum(bool(find_file(after[dag_id].relative_fileloc, change.paths)) for dag_id in both),
        removed_dags=len(before.keys() - after.keys()),
        other_files=len(change.paths - with_dags),
    )
