"""Delivers a package and waits until Airflow runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.delivery.pack import Package
from harness.delivery.plain import PlainStore
from harness.delivery.served import ServedCheck
from harness.delivery.target import Change, DagStore, Target
from harness.delivery.versioned import VersionedStore
from harness.errors import HarnessError, Verb
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_records import Dag
from harness.tools.k8s import Kubernetes
from harness.waiting import CLOCK, Clock, NotYet, wait_until

LIVE_TIMEOUT_S = 120.0
INTERVAL_S = 0.5
# The watches of the ConfigMap and of the pod have no order between them, so one touch may come too early.
TOUCH_AGAIN_S = 3.0
TOUCH_ANNOTATION = "harness.dev/dags-touched"


@dataclass(frozen=True)
class Delivery:
    """A delivery that is live, and how many seconds that took.

    `added_dags`, `changed_dags` and `removed_dags` count DAGs, `other_files` the files without one that changed;
    `notes` tell what could not be checked before.
    """

    change: Change
    seconds: float
    added_dags: int = 0
    changed_dags: int = 0
    removed_dags: int = 0
    other_files: int = 0
    notes: tuple[str, ...] = ()


def open_store(kubernetes: Kubernetes, target: Target) -> DagStore:
    """Return the target's store, by whether its bundle has versions."""
    return VersionedStore(kubernetes, target) if target.is_versioned else PlainStore(kubernetes, target)


@dataclass(frozen=True)
class Delivering:
    """One target, and the Airflow that reads it."""

    kubernetes: Kubernetes
    airflow: AirflowApi
    target: Target
    clock: Clock = CLOCK

    def deliver(self, package: Package, *, force: bool = False, is_verified: bool = True) -> Delivery:
        """Write the package and wait until Airflow runs it: new and changed DAGs by their text, removed ones gone.

        Raises DriftError unless forced, Unreachable with Airflow's stack trace when a file cannot be imported,
        WaitTimeoutError with what is missing.
        """
        store = open_store(self.kubernetes, self.target)
        delivery = self.make_live(package, lambda: store.write(package, force=force, is_verified=is_verified))
        if isinstance(store, VersionedStore):
            needed = {run.bundle_version for run in self.airflow.unfinished_runs() if run.bundle_version}
            store.collect_garbage(frozenset(needed), now=datetime.now(UTC))
        return delivery

    def make_live(self, package: Package, write: Callable[[], Change]) -> Delivery:
        """Call `write`, which makes the package the current content, and wait until Airflow runs it."""
        start, applied = self.clock.now(), datetime.now(UTC)
        errors = self.airflow.import_errors(bundle_name=self.target.bundle)
        before = {dag.dag_id: dag for dag in self.airflow.dags(bundle_name=self.target.bundle)}
        change = write()
        check = ServedCheck(
            self.airflow, package, self.target, change, applied, {error.filename: error.stack_trace for error in errors}
        )
        toucher = _Toucher(self, self.target.is_versioned)
        if not change.is_empty:
            toucher.touch_if_due(0)

        def probe() -> bool | NotYet:
            waited_s = self.clock.now() - start
            missing = check.missing(waited_s)
            if missing:
                toucher.touch_if_due(waited_s)
            return NotYet("; ".join(missing)) if missing else True

        wait_until(
            f"Airflow running the DAGs of ConfigMap {self.target.config_map}",
            probe,
            timeout_s=LIVE_TIMEOUT_S,
            interval_s=INTERVAL_S,
            next_step=Verb("logs dag-processor"),
            clock=self.clock,
        )
        return _sum_up(change, self.clock.now() - start, before, check.seen)

    def withdraw(self) -> None:
        """Delete all of the target and wait until Airflow has no DAG of it any more; raises WaitTimeoutError."""
        open_store(self.kubernetes, self.target).delete()
        start = self.clock.now()
        toucher = _Toucher(self, self.target.is_versioned)

        def probe() -> bool | NotYet:
            toucher.touch_if_due(self.clock.now() - start)
            left = [dag.dag_id for dag in self.airflow.dags(bundle_name=self.target.bundle)]
            return NotYet(f"still there: {', '.join(left)}") if left else True

        what = f"the end of the DAGs of ConfigMap {self.target.config_map}"
        wait_until(what, probe, timeout_s=LIVE_TIMEOUT_S, interval_s=INTERVAL_S, clock=self.clock)


@dataclass
class _Toucher:
    """Makes the kubelet look at the files of the dag-processor's pods, which it does when a pod changes.

    Else it looks every 60 to 90 s. A versioned bundle has no files that the kubelet brings.
    """

    delivering: Delivering
    is_needless: bool
    count: int = 0

    def touch_if_due(self, waited_s: float) -> None:
        """Touch the pods, and again after a while; raises HarnessError when there is none."""
        if self.is_needless or waited_s < self.count * TOUCH_AGAIN_S:
            return
        self.count += 1
        kubernetes, namespace = self.delivering.kubernetes, self.delivering.target.namespace
        pods = kubernetes.list("Pod", namespace, label_selector=self.delivering.target.readers)
        if not pods:
            raise HarnessError(
                f"no dag-processor pod ({self.delivering.target.readers}) in namespace {namespace}, so none reads DAGs",
                next_step=Verb("up", "brings it back; then sync again"),
            )
        mark = {TOUCH_ANNOTATION: f"{datetime.now(UTC).isoformat()}"}
        for pod in pods:
            kubernetes.patch_annotations("Pod", pod["metadata"]["name"], namespace, mark)


def _sum_up(change: Change, seconds: float, before: Mapping[str, Dag], after: Mapping[str, Dag]) -> Delivery:
    touched = {*change.added, *change.changed}
    with_dags = {dag.relative_fileloc for dag in (*before.values(), *after.values())}
    return Delivery(
        change,
        seconds,
        added_dags=len(after.keys() - before.keys()),
        changed_dags=sum(after[dag_id].relative_fileloc in touched for dag_id in after.keys() & before.keys()),
        removed_dags=len(before.keys() - after.keys()),
        other_files=len({*touched, *change.removed} - with_dags),
    )
