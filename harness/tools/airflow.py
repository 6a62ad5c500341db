"""Airflow's REST API v2, as far as the harness needs it: typed in, typed out.

Paths are those of the OpenAPI document of Airflow 3.3.2 (`v2-rest-api-generated.yaml`).
"""

from collections.abc import Callable, Generator, Mapping
from graphlib import TopologicalSorter
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from harness.excerpt import excerpt
from harness.tools.airflow_client import PAGE, AirflowApiError, AirflowClient
from harness.tools.airflow_logs import LogEntry, parse_log
from harness.tools.airflow_records import (
    NOW,
    Dag,
    DagImportError,
    DagRun,
    EventLog,
    Health,
    LogicalDate,
    TaskInstance,
    parse_dag,
    parse_dag_run,
    parse_event_log,
    parse_import_error,
    parse_task_instance,
)
from harness.waiting import NotYet, WaitTimeoutError, wait_until

UNFINISHED = ["queued", "running"]


class AirflowApi(AirflowClient):
    """One Airflow: what its API offers."""

    def health(self) -> Health:
        """Return what /monitor/health says, without a login; it answers 200 for the unhealthy too, so read it."""
        body = self._get("/monitor/health", is_public=True)
        parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return Health(*((body.get(part) or {}).get("status") for part in parts))

    def version(self) -> str:
        """Return Airflow's version, without a login."""
        return str(self._get("/version", is_public=True)["version"])

    def dags(self, *, bundle_name: str = "", is_stale_too: bool = False) -> list[Dag]:
        """Return the DAGs, of one bundle if it is named; stale ones, whose file is gone, only when asked for."""
        query = {"exclude_stale": str(not is_stale_too).lower()} | ({"bundle_name": bundle_name} if bundle_name else {})
        return [parse_dag(item) for item in self._pages("/dags", "dags", query)]

    def dag(self, dag_id: str) -> Dag | None:
        """Return the DAG, or None when Airflow does not know it."""
        body = self._get_or_none(f"/dags/{_id(dag_id)}")
        return None if body is None else parse_dag(body)

    def dag_source(self, dag_id: str) -> str | None:
        """Return the file's text as of its last parse, or None when Airflow does not know the DAG.

        The text is stored at every parse, so this tells which version of a file Airflow has.
        """
        body = self._get_or_none(f"/dagSources/{_id(dag_id)}")
        return None if body is None else body.get("content")

    def task_ids(self, dag_id: str) -> list[str]:
        """Return the ids of the DAG's tasks, each after those that it depends on."""
        order: TopologicalSorter[str] = TopologicalSorter()
        for task in self._get(f"/dags/{_id(dag_id)}/tasks")["tasks"]:
            order.add(task["task_id"])
            for downstream in task["downstream_task_ids"] or []:
                order.add(downstream, task["task_id"])
        return list(order.static_order())

    def import_errors(self, *, bundle_name: str = "") -> list[DagImportError]:
        """Return the DAG files that do not import, of one bundle if it is named."""
        query = {"bundle_name": bundle_name} if bundle_name else {}
        return [parse_import_error(item) for item in self._pages("/importErrors", "import_errors", query)]

    def request_parse(self, dag: Dag) -> None:
        """Make the dag-processor parse the DAG's file next; a request that is waiting already is as good."""
        try:
            self._ask("PUT", f"/parseDagFile/{_id(dag.file_token)}")
        except AirflowApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    def unpause(self, dag_id: str) -> None:
        """Let the DAG's runs be scheduled."""
        self._ask("PATCH", f"/dags/{_id(dag_id)}", {"is_paused": False})

    def pause(self, dag_id: str) -> None:
        """Let none of the DAG's runs be scheduled."""
        self._ask("PATCH", f"/dags/{_id(dag_id)}", {"is_paused": True})

    def trigger(
        self, dag_id: str, run_id: str, conf: Mapping[str, Any] | None = None, *, logical_date: LogicalDate = NOW
    ) -> DagRun:
        """Start a run with an id of the caller's, so that it can be told apart before the answer comes.

        Airflow refuses a second run of a DAG with the same logical date (status 409); the present has microseconds.
        """
        date = self._clock.utc_now() if logical_date == NOW else logical_date
        body = {"dag_run_id": run_id, "logical_date": date and date.isoformat(), "conf": dict(conf or {})}
        return parse_dag_run(self._ask("POST", f"/dags/{_id(dag_id)}/dagRuns", body).json())

    def dag_run(self, dag_id: str, run_id: str) -> DagRun:
        """Return the run's present state."""
        return parse_dag_run(self._get(_run_path(dag_id, run_id)))

    def dag_runs(self, dag_id: str = "~") -> list[DagRun]:
        """Return the newest 100 runs of a DAG, or of all (`~`), newest first."""
        body = self._get(f"/dags/{_id(dag_id)}/dagRuns", {"order_by": "-run_after", "limit": PAGE})
        return [parse_dag_run(item) for item in body["dag_runs"]]

    def unfinished_runs(self) -> list[DagRun]:
        """Return the queued and running runs of all DAGs."""
        return [parse_dag_run(item) for item in self._pages("/dags/~/dagRuns", "dag_runs", {"state": UNFINISHED})]

    def fail_run(self, dag_id: str, run_id: str) -> None:
        """Mark a run failed, which ends its tasks: the way to leave nothing behind."""
        self._ask("PATCH", _run_path(dag_id, run_id), {"state": "failed"})

    def wait_for_run(
        self,
        dag_id: str,
        run_id: str,
        *,
        timeout_s: float,
        interval_s: float = 1.0,
        on_answer: Callable[[AirflowApiError | None], None] = lambda _: None,
    ) -> DagRun:
        """Wait until the run succeeded or failed and return it, also while Airflow is away for some of the time.

        `on_answer` hears None for an answer, else why there was none. On time-out the error tells every task's state.
        """
        is_away = False

        def probe() -> DagRun | NotYet:
            nonlocal is_away
            try:
                run = self.dag_run(dag_id, run_id)
            except AirflowApiError as error:
                is_away = error.is_away
                if not is_away:
                    raise
                on_answer(error)
                return NotYet(str(error))
            is_away = False
            on_answer(None)
            return run if run.is_over else NotYet(run.state)

        what = f"the end of run {run_id} of DAG {dag_id}"
        try:
            return wait_until(what, probe, timeout_s=timeout_s, interval_s=interval_s, clock=self._clock)
        except WaitTimeoutError as error:
            what = f"{error}; tasks: {self._task_states(dag_id, run_id)}"
            raise WaitTimeoutError(what, party="Airflow" if is_away else None) from None

    def _task_states(self, dag_id: str, run_id: str) -> str:
        try:
            tasks = self.task_instances(dag_id, run_id)
        except AirflowApiError as error:
            return str(error)
        return ", ".join(f"{ti.label} try {ti.try_number}: {ti.state or 'none'}" for ti in tasks) or "none"

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """Return the last try of each task of the run, the mapped ones too."""
        items = self._pages(f"{_run_path(dag_id, run_id)}/taskInstances", "task_instances", {})
        return [parse_task_instance(item) for item in items]

    def tries(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> list[TaskInstance]:
        """Return all tries of a task, first to last."""
        mapped = f"/{map_index}" if map_index >= 0 else ""
        body = self._get(f"{_run_path(dag_id, run_id)}/taskInstances/{_id(task_id)}{mapped}/tries")
        return sorted(map(parse_task_instance, body["task_instances"]), key=lambda ti: ti.try_number)

    def all_tries(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """Return every try of every task of the run; one request more for each task that has had several."""
        tries: list[TaskInstance] = []
        for ti in self.task_instances(dag_id, run_id):
            tries += self.tries(dag_id, run_id, ti.task_id, ti.map_index) if ti.try_number > 1 else [ti]
        return tries

    def xcom(self, dag_id: str, run_id: str, task_id: str, *, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task returned or pushed, as JSON has it."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_id(task_id)}/xcomEntries/{_id(key)}"
        return self._get(path, {"map_index": map_index, "deserialize": "true"})["value"]

    def log_entries(
        self, dag_id: str, run_id: str, task_id: str, try_number: int, *, map_index: int = -1
    ) -> Generator[LogEntry, None, None]:
        """Yield the log of one try as it comes, not redacted; what is not read on is closed with the generator."""
        self.before_log()
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_id(task_id)}/logs/{try_number}"
        yield from parse_log(self._stream(path, {"map_index": map_index}, accept="application/x-ndjson"))

    def logs(self, dag_id: str, run_id: str, task_id: str, try_number: int, *, map_index: int = -1) -> str:
        """Return the log of one try as text, not redacted: one event a line, and the lines of its stack trace.

        Of a log of more than 1 MiB these are the first and the last lines, and one that says what is left out.
        """
        entries = self.log_entries(dag_id, run_id, task_id, try_number, map_index=map_index)
        return "\n".join(excerpt(line for entry in entries for line in entry.lines))

    def event_logs(self, dag_id: str, run_id: str, *, event: str = "") -> list[EventLog]:
        """Return the run's lines of the audit log, oldest first, of one event if it is named."""
        query = {"dag_id": dag_id, "run_id": run_id, "order_by": "id"} | ({"event": event} if event else {})
        return [parse_event_log(item) for item in self._pages("/eventLogs", "event_logs", query)]


def _id(value: str) -> str:
    return quote(value, safe="~")


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{_id(dag_id)}/dagRuns/{_id(run_id)}"
