"""Airflow's REST API v2, as far as the harness needs it: typed in, typed out.

Paths are those of the OpenAPI document of Airflow 3.3.2 (`v2-rest-api-generated.yaml`).
"""

from collections.abc import Mapping
from graphlib import TopologicalSorter
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx2 as httpx

from harness.errors import HarnessError
from harness.redact import redact, remember_secrets
from harness.tools.airflow_records import (
    Dag,
    DagImportError,
    DagRun,
    EventLog,
    Health,
    Json,
    TaskInstance,
    log_line,
    parse_dag,
    parse_dag_run,
    parse_event_log,
    parse_import_error,
    parse_task_instance,
)
from harness.waiting import CLOCK, Clock, NotYet, WaitTimeoutError, wait_until

REQUEST_TIMEOUT_S = 30.0
RETRY_GET_S = 30.0
PAGE = 100
UNFINISHED = ["queued", "running"]


class AirflowApiError(HarnessError):
    """Airflow refused a request (`status` is the HTTP status) or did not answer (`status` is 0)."""

    def __init__(self, asked: str, status: int, reason: str, *, next_step: str = "") -> None:
        answer = f"answered {status}" if status else "got no answer"
        super().__init__(redact(f"Airflow API: {asked} {answer}: {reason}"), next_step=next_step)
        self.status = status

    @property
    def is_away(self) -> bool:
        """Return whether a later try may be answered: there was no answer, or Airflow itself lacks something."""
        return self.status == 0 or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


class AirflowApi:
    """One Airflow, logged in when first needed and again when its token has expired.

    A GET that gets no answer is repeated for `RETRY_GET_S` seconds; nothing else is, since it may have acted.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Clock = CLOCK,
    ) -> None:
        self.url = url.rstrip("/")
        self._credentials = {"username": username, "password": password}
        self._clock = clock
        self._token = ""
        # trust_env: Airflow is on this machine, and a proxy of the environment is never the way to it.
        # No kept connections: while nodes restart a Service may lead to an address that another pod has by now, and a
        # kept connection would stay with that pod, whose every answer is a 404.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(
            base_url=self.url, timeout=REQUEST_TIMEOUT_S, limits=limits, trust_env=False, transport=transport
        )
        remember_secrets([password])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def login(self) -> None:
        """Get a token; raises AirflowApiError with status 401 when the credentials are wrong."""
        answer = self._attempt("POST", "/auth/token", self._credentials)
        if answer.status_code != HTTPStatus.CREATED:
            raise _refused("POST /auth/token", answer)
        self._token = answer.json()["access_token"]
        remember_secrets([self._token])

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

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any] | None = None) -> DagRun:
        """Start a run with an id of the caller's, so that it can be told apart before the answer comes."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf or {})}
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

    def wait_for_run(self, dag_id: str, run_id: str, *, timeout_s: float, interval_s: float = 1.0) -> DagRun:
        """Wait until the run succeeded or failed and return it; on time-out the error tells every task's state."""

        def probe() -> DagRun | NotYet:
            run = self.dag_run(dag_id, run_id)
            return run if run.is_over else NotYet(run.state)

        what = f"the end of run {run_id} of DAG {dag_id}"
        try:
            return wait_until(what, probe, timeout_s=timeout_s, interval_s=interval_s, clock=self._clock)
        except WaitTimeoutError as error:
            tasks = self.task_instances(dag_id, run_id)
            states = ", ".join(f"{ti.label} try {ti.try_number}: {ti.state or 'none'}" for ti in tasks)
            raise WaitTimeoutError(f"{error}; tasks: {states or 'none'}") from None

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

    def logs(self, dag_id: str, run_id: str, task_id: str, try_number: int, *, map_index: int = -1) -> str:
        """Return the log of one try as text, not redacted: one event a line, and the lines of its stack trace."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_id(task_id)}/logs/{try_number}"
        body = self._get(path, {"map_index": map_index, "full_content": "true"})
        return "\n".join(map(log_line, body.get("content") or []))

    def event_logs(self, dag_id: str, run_id: str, *, event: str = "") -> list[EventLog]:
        """Return the run's lines of the audit log, oldest first, of one event if it is named."""
        query = {"dag_id": dag_id, "run_id": run_id, "order_by": "id"} | ({"event": event} if event else {})
        return [parse_event_log(item) for item in self._pages("/eventLogs", "event_logs", query)]

    def _pages(self, path: str, key: str, query: Mapping[str, Any]) -> list[Json]:
        items: list[Json] = []
        while True:
            body = self._get(path, {**query, "limit": PAGE, "offset": len(items)})
            items += body[key]
            if not body[key] or len(items) >= body["total_entries"]:
                return items

    def _get_or_none(self, path: str) -> Json | None:
        try:
            return self._get(path)
        except AirflowApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def _get(self, path: str, query: Mapping[str, Any] | None = None, *, is_public: bool = False) -> Json:
        def probe() -> httpx.Response | NotYet:
            try:
                return self._ask("GET", path, query=query, is_public=is_public)
            except AirflowApiError as error:
                if error.status:
                    raise
                return NotYet(str(error))

        try:
            answer = wait_until("an answer", probe, timeout_s=RETRY_GET_S, interval_s=1.0, clock=self._clock)
        except WaitTimeoutError as error:
            raise AirflowApiError(
                f"GET {path}", 0, str(error), next_step="see whether Airflow runs: `make dev-status`"
            ) from None
        body: Json = answer.json()
        return body

    def _ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        is_public: bool = False,
    ) -> httpx.Response:
        if not self._token and not is_public:
            self.login()
        path = f"/api/v2{path}"
        answer = self._attempt(method, path, body, query)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self.login()
            answer = self._attempt(method, path, body, query)
        if not answer.is_success:
            raise _refused(f"{method} {path}", answer)
        return answer

    def _attempt(
        self, method: str, path: str, body: Json | None = None, query: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            return self._client.request(method, path, json=body, params=query, headers=headers)
        except httpx.TransportError as error:
            raise AirflowApiError(
                f"{method} {path}",
                0,
                f"{type(error).__name__} {error}".strip(),
                next_step="see whether Airflow runs: `make dev-status`",
            ) from None


def _refused(asked: str, answer: httpx.Response) -> AirflowApiError:
    try:
        reason = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        reason = answer.text.strip()[:300]
    next_step = ""
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        next_step = "the Secret airflow-ui-creds must hold the credentials that the admin user was made with"
    return AirflowApiError(asked, answer.status_code, reason, next_step=next_step)


def _id(value: str) -> str:
    return quote(value, safe="~")


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{_id(dag_id)}/dagRuns/{_id(run_id)}"
