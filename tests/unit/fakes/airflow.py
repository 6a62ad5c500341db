"""An Airflow in memory behind its REST API v2; it answers through the HTTP client's own transport."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx2 as httpx

from harness.tools.airflow import AirflowApi

from .clock import FakeTime
from .dag_runs import FakeRuns, stream_log

DAG = re.compile(r"""^@dag\b.*\ndef (\w+)|\bDAG\(["']([^"']+)["']""", re.MULTILINE)
PASSWORD = "correct horse battery"  # noqa: S105 - of nothing


class FakeAirflow:
    """Answers by path; `requests` is what was asked; a path in `answers` is answered so."""

    def __init__(self, time: FakeTime | None = None) -> None:
        self.time = time or FakeTime()
        self.token = 0
        self.requests: list[httpx.Request] = []
        self.answers: dict[str, Any] = {}
        self.failures: list[Callable[[], httpx.Response]] = []
        self.bundle: dict[str, str] = {}
        self.import_errors: list[dict[str, Any]] = []
        self.version: str | None = None
        self.parsed_at: dict[str, datetime] = {}
        self.trees: dict[str, str | None] = {}
        self.lingering: dict[str, str] = {}
        self.requested_parses: list[str] = []
        self.runs: list[dict[str, Any]] = []
        self.on_request: Callable[[], None] = lambda: None
        self.is_down = False
        self.unpaused: set[str] = set()
        self.dag_runs = FakeRuns()

    def client(self, *, password: str = PASSWORD) -> AirflowApi:
        """Return the real client, connected to this server."""
        transport = httpx.MockTransport(self.handle)
        return AirflowApi("http://airflow.test", "admin", password, transport=transport, clock=self.time.clock)

    def parse(self, files: dict[str, str], *, version: str | None = None) -> None:
        """Take these files as the dag-processor does; what is in a zip file has that file before its own name.

        `trees` says of which version a file was when it was parsed; `lingering` are DAGs, with their files, which no
        file defines and Airflow has still.
        """
        self.bundle, self.version = files, version
        self.parsed_at = dict.fromkeys(files, self.time.utc_now())
        self.trees = dict.fromkeys(files, version)

    def paths(self, method: str = "GET") -> list[str]:
        """Return the paths asked for with a method."""
        return [request.url.path for request in self.requests if request.method == method]

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(request)
        self.on_request()
        if self.is_down:
            raise httpx.ConnectError("connection refused")
        if self.failures:
            return self.failures.pop(0)()
        path = request.url.path
        if path == "/auth/token":
            return self._login(request)
        if path in self.answers and request.headers["Accept"] == "application/x-ndjson":
            return stream_log(self.answers[path]["content"])
        if path in self.answers:
            return httpx.Response(200, json=self.answers[path])
        if request.headers.get("Authorization") != f"Bearer token-{self.token}":
            return httpx.Response(401, json={"detail": "Invalid JWT token"})
        known = self._answer(request) or self._one_dag(request) or self.dag_runs.handle(request)
        return known or httpx.Response(404, json={"detail": f"not found: {path}"})

    def _answer(self, request: httpx.Request) -> httpx.Response | None:
        path = request.url.path
        if path == "/api/v2/dags":
            return _page("dags", [self._dag(dag_id, name) for name, dag_id in self._dags()], request)
        if path == "/api/v2/dags/~/dagRuns":
            return _page("dag_runs", self.runs, request)
        if parse := re.fullmatch(r"/api/v2/parseDagFile/token-of-(.+)", path):
            self.requested_parses.append(parse[1])
            return httpx.Response(201)
        if path == "/api/v2/importErrors":
            return _page("import_errors", self.import_errors, request)
        if source := re.fullmatch(r"/api/v2/dagSources/(.+)", path):
            texts = [self.bundle[name] for name, dag_id in self._dags() if dag_id == source[1]]
            return httpx.Response(200, json={"content": texts[0]}) if texts else None
        return None

    def _login(self, request: httpx.Request) -> httpx.Response:
        if json.loads(request.content)["password"] != PASSWORD:
            return httpx.Response(401, json={"detail": "Invalid credentials"})
        self.token += 1
        return httpx.Response(201, json={"access_token": f"token-{self.token}"})

    def _one_dag(self, request: httpx.Request) -> httpx.Response | None:
        dag_id = request.url.path.removeprefix("/api/v2/dags/")
        names = [name for name, known in self._dags() if known == dag_id]
        if not names:
            return None
        if request.method == "PATCH":
            (self.unpaused.discard if json.loads(request.content)["is_paused"] else self.unpaused.add)(dag_id)
        return httpx.Response(200, json=self._dag(dag_id, names[0]))

    def _dags(self) -> list[tuple[str, str]]:
        defined = [(name, "".join(found)) for name, text in self.bundle.items() for found in DAG.findall(text)]
        return [*defined, *((name, dag_id) for dag_id, name in self.lingering.items())]

    def _dag(self, dag_id: str, name: str) -> dict[str, Any]:
        return {
            "dag_id": dag_id,
            "is_paused": dag_id not in self.unpaused,
            "is_stale": False,
            "bundle_name": "dags",
            "relative_fileloc": name,
            "bundle_version": self.version,
            "fileloc": f"/bundles/dags/versions/{self.trees.get(name)}/{name}",
            "file_token": f"token-of-{name}",
            "last_parsed_time": self.parsed_at.get(name, self.time.utc_now()).isoformat(),
            "has_import_errors": False,
        }


def _page(key: str, items: list[Any], request: httpx.Request) -> httpx.Response:
    offset, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
    return httpx.Response(200, json={key: items[offset : offset + limit], "total_entries": len(items)})


def task_instance(task_id: str, **others: Any) -> dict[str, Any]:
    """Return a TaskInstanceResponse."""
    return {
        "dag_id": "example",
        "dag_run_id": "run-1",
        "task_id": task_id,
        "map_index": -1,
        "try_number": 1,
        "max_tries": 0,
        "state": "success",
        "hostname": f"pod-{task_id}",
        "start_date": "2026-11-22T12:00:05.500000Z",
        "end_date": "2026-11-22T12:00:07.250000Z",
        **others,
    }
