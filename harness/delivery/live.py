"""Delivers a package and waits until Airflow runs it: it stores each DAG's source at every parse, so it can be asked.

The source tells a new body from an old one, which the structure of a DAG, its version or its last parse do not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from harness.delivery.dag_ids import find_dag_ids
from harness.delivery.pack import Package
from harness.delivery.sync import Change, Target, delete, sync, touch
from harness.errors import HarnessError
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_records import Dag
from harness.tools.k8s import Kubernetes
from harness.waiting import CLOCK, Clock, NotYet, Unreachable, wait_until

LIVE_TIMEOUT_S = 120.0
INTERVAL_S = 0.5
# The watches of the ConfigMap and of the pod have no order between them, so one touch may come too early.
TOUCH_AGAIN_S = 3.0
# An import error that was there before may still be the old file's; after this long it is the new one's.
OLD_ERROR_S = 10.0


@dataclass(frozen=True)
class Delivery:
    """A delivery that is live, and how many seconds that took from the start of the sync."""

    change: Change
    seconds: float


def deliver(
    kubernetes: Kubernetes,
    airflow: AirflowApi,
    package: Package,
    target: Target,
    *,
    clock: Clock = CLOCK,
) -> Delivery:
    """Sync the package and wait until Airflow runs it: new and changed DAGs known by their text, removed ones gone.

    Raises Unreachable with Airflow's stack trace when a file cannot be imported, WaitTimeoutError with what is missing.
    """
    start = clock.now()
    applied = datetime.now(UTC)
    old_errors = {error.filename: error.stack_trace for error in airflow.import_errors(bundle_name=target.bundle)}
    change = sync(kubernetes, package, target)
    check = _LiveCheck(airflow, package, target, change, applied, old_errors)
    touches = 0

    def touch_dag_processor() -> None:
        nonlocal touches
        touches += 1
        if not touch(kubernetes, target, f"{package.digest[:12]}-{touches}"):
            raise HarnessError(
                f"no dag-processor pod in namespace {target.namespace}, so nobody reads the DAGs",
                next_step="`make dev-up`, then sync again",
            )

    def probe() -> bool | NotYet:
        waited_s = clock.now() - start
        missing = check.missing(waited_s)
        if missing and waited_s >= touches * TOUCH_AGAIN_S:
            touch_dag_processor()
        return NotYet("; ".join(missing)) if missing else True

    if not change.is_empty:
        touch_dag_processor()
    wait_until(
        f"Airflow running the DAGs of ConfigMap {target.config_map}",
        probe,
        timeout_s=LIVE_TIMEOUT_S,
        interval_s=INTERVAL_S,
        next_step="see the dag-processor's log: `harness logs dag-processor`",
        clock=clock,
    )
    return Delivery(change, clock.now() - start)


def withdraw(
    kubernetes: Kubernetes,
    airflow: AirflowApi,
    target: Target,
    *,
    clock: Clock = CLOCK,
) -> None:
    """Delete the ConfigMap and wait until Airflow has no DAG of its bundle any more; raises WaitTimeoutError."""
    delete(kubernetes, target)
    start = clock.now()
    touches = 0

    def probe() -> bool | NotYet:
        nonlocal touches
        if clock.now() - start >= touches * TOUCH_AGAIN_S:
            touches += 1
            touch(kubernetes, target, f"withdrawn-{touches}")
        left = [dag.dag_id for dag in airflow.dags(bundle_name=target.bundle)]
        return NotYet(f"still there: {', '.join(left)}") if left else True

    what = f"the end of the DAGs of ConfigMap {target.config_map}"
    wait_until(what, probe, timeout_s=LIVE_TIMEOUT_S, interval_s=INTERVAL_S, clock=clock)


@dataclass
class _LiveCheck:
    airflow: AirflowApi
    package: Package
    target: Target
    change: Change
    applied: datetime
    old_errors: Mapping[str, str]
    confirmed: set[str] = field(default_factory=set)

    def missing(self, waited_s: float) -> list[str]:
        """Return what is not live yet, in words; raise Unreachable when a file does not import."""
        self._raise_import_errors(waited_s)
        dags = {dag.dag_id: dag for dag in self.airflow.dags(bundle_name=self.target.bundle)}
        return [*self._missing_sources(dags), *self._left_over(dags), *self._unparsed(dags)]

    def _raise_import_errors(self, waited_s: float) -> None:
        for error in self.airflow.import_errors(bundle_name=self.target.bundle):
            is_new = self.old_errors.get(error.filename) != error.stack_trace
            if error.filename in self.package.files and (is_new or waited_s >= OLD_ERROR_S):
                raise Unreachable(
                    f"Airflow cannot import {error.filename}:\n{error.stack_trace.strip()}",
                    next_step=f"correct {error.filename} and sync again",
                )

    def _missing_sources(self, dags: Mapping[str, Dag]) -> Iterator[str]:
        for name, text in self.package.files.items():
            # DAGs whose ids only Airflow can tell count as soon as it knows them.
            known = {dag.dag_id for dag in dags.values() if dag.relative_fileloc == name}
            for dag_id in sorted((_ids(name, text) | known) - self.confirmed):
                source = self.airflow.dag_source(dag_id) if dag_id in dags else None
                if source is None:
                    yield f"{name}: DAG {dag_id} is not known"
                elif source.splitlines() != text.splitlines():
                    yield f"{name}: DAG {dag_id} is still the old version"
                else:
                    self.confirmed.add(dag_id)

    def _left_over(self, dags: Mapping[str, Dag]) -> Iterator[str]:
        for dag in dags.values():
            if dag.relative_fileloc in self.change.removed:
                yield f"{dag.relative_fileloc}: removed, and DAG {dag.dag_id} is still there"

    def _unparsed(self, dags: Mapping[str, Dag]) -> Iterator[str]:
        """Yield the DAGs not parsed since, if a helper or data file changed.

        Airflow does not keep the text of those, but each change of a mounted ConfigMap makes it parse all its DAGs.
        """
        touched = (*self.change.added, *self.change.changed)
        if all(_ids(name, self.package.files[name]) for name in touched):
            return
        for dag in dags.values():
            is_old = dag.last_parsed is None or dag.last_parsed < self.applied
            if dag.relative_fileloc in self.package.files and is_old:
                yield f"{dag.relative_fileloc}: not parsed since the sync"


def _ids(name: str, text: str) -> frozenset[str]:
    return find_dag_ids(text) if name.endswith(".py") else frozenset()
