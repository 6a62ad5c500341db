"""Follows one DAG run from its trigger to its end, whatever becomes of the API meanwhile."""

import difflib
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from harness.errors import Advice, UsageError, Verb
from harness.observe.recorder import PodRecorder
from harness.observe.runs import Run
from harness.observe.snapshots import RunSnapshot, SnapshotTaker
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_client import AirflowApiError
from harness.tools.airflow_records import NOW, Dag, LogicalDate
from harness.waiting import CLOCK, Clock, NotYet, utc_now, wait_until

INTERVAL_S = 1.0
# A run may be over before its last pods are; so long they are shown to their end.
PODS_S = 5.0
SHOWN = 10

Say = Callable[[str], None]


def find_dag(airflow: AirflowApi, dag_id: str) -> Dag:
    """Return the DAG; raises UsageError that names similar ones when Airflow has none of that id."""
    dag = airflow.dag(dag_id)
    if dag is not None and not dag.is_stale:
        return dag
    known = sorted(dag.dag_id for dag in airflow.dags())
    similar = difflib.get_close_matches(dag_id, known)
    there_are = f"similar: {', '.join(similar)}" if similar else f"there are: {', '.join(known[:SHOWN]) or 'none'}"
    raise UsageError(
        f"Airflow knows no DAG `{dag_id}`; {there_are}",
        next_step=("correct the id", Verb("dags sync", "brings a DAG that is new in the folder")),
    )


def start_run(
    airflow: AirflowApi,
    recorder: PodRecorder,
    dag_id: str,
    conf: Mapping[str, Any],
    *,
    logical_date: LogicalDate = NOW,
    say: Say,
    now: Callable[[], datetime] = utc_now,
    clock: Clock = CLOCK,
) -> Run:
    """Trigger a run while `recorder` records, and return it; a paused DAG is unpaused, and `say` hears it.

    Raises UsageError for an unknown DAG, and with Airflow's reason when it refuses the run.
    """
    if find_dag(airflow, dag_id).is_paused:
        airflow.unpause(dag_id)
        say(f"DAG {dag_id} was paused, and its run would not have started: unpaused")
    run_id = f"manual-{now():%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    try:
        airflow.trigger(dag_id, run_id, conf, logical_date=logical_date)
    except AirflowApiError as error:
        if error.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
            raise UsageError(str(error), next_step="correct what Airflow names, or the DAG") from None
        if error.status == HTTPStatus.CONFLICT and isinstance(logical_date, datetime):
            raise UsageError(
                f"DAG {dag_id} has a run of the logical date {logical_date.isoformat()}, and may have but one",
                next_step="give another --logical-date, or `none`",
            ) from None
        if not error.is_away or not _has_run(airflow, dag_id, run_id):
            raise
    return Run(dag_id, run_id, airflow, recorder, clock)


def follow(
    run: Run,
    *,
    on_snapshot: Callable[[RunSnapshot], None],
    say: Say,
    timeout_s: float,
    next_step: Advice = (),
    now: Callable[[], datetime] = utc_now,
) -> RunSnapshot:
    """Show `on_snapshot` the run every second until it and its pods are over, and return the last snapshot.

    While Airflow is away `say` hears so, and the following goes on when it is back. Raises WaitTimeoutError, and what
    `on_snapshot` raises.
    """
    taker = SnapshotTaker(run, say, now, started=now())
    is_away = False
    over_at = 0.0

    def probe() -> RunSnapshot | NotYet:
        nonlocal is_away, over_at
        try:
            snapshot = taker.take()
        except AirflowApiError as error:
            if not error.is_away:
                raise
            if not is_away:
                how = f"answers {error.status}" if error.status else "does not answer"
                say(f"Airflow {how}; the run goes on, and is followed again when Airflow is back")
            is_away = True
            return NotYet(str(error))
        if is_away:
            say("Airflow is back")
        is_away = False
        on_snapshot(snapshot)
        if not snapshot.is_over:
            return NotYet(_in_words(snapshot))
        over_at = over_at or run.clock.now()
        if snapshot.has_running_pods and run.clock.now() - over_at < PODS_S:
            return NotYet(f"{snapshot.state}; its last pods are not over")
        return snapshot

    what = f"the end of run {run.run_id} of DAG {run.dag_id}"
    return wait_until(what, probe, timeout_s=timeout_s, interval_s=INTERVAL_S, next_step=next_step, clock=run.clock)


def _has_run(airflow: AirflowApi, dag_id: str, run_id: str) -> bool:
    """Return whether a trigger acted whose answer was lost."""
    try:
        return bool(airflow.dag_run(dag_id, run_id))
    except AirflowApiError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return False
        raise


def _in_words(snapshot: RunSnapshot) -> str:
    states = [f"{task.label} {task.state}" for task in snapshot.tasks if task.state not in {None, "success"}]
    return f"{snapshot.state}; {', '.join(states[:SHOWN]) or 'no task has begun'}"
