"""DAG runs as Airflow's REST API shows them; a test plays the scheduler."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx2 as httpx

from harness.tools import Json


@dataclass
class FakeRun:
    """One run; `set` what the scheduler would have written of its tasks."""

    dag_id: str
    run_id: str
    conf: Json
    logical_date: str | None = None
    state: str = "queued"
    end: str | None = None
    instances: dict[tuple[str, int], Json] = field(default_factory=dict)
    earlier: dict[tuple[str, int], list[Json]] = field(default_factory=dict)
    logs: dict[tuple[str, int, int], list[Any]] = field(default_factory=dict)

    def set(self, task_id: str, map_index: int = -1, **fields: Any) -> None:
        """Change a task instance; a new try number makes what was there an earlier try."""
        key = (task_id, map_index)
        known = self.instances.get(key)
        if known and known["try_number"] and fields.get("try_number", known["try_number"]) > known["try_number"]:
            self.earlier.setdefault(key, []).append(known)
            known = None
        blank = {
            "dag_id": self.dag_id,
            "dag_run_id": self.run_id,
            "task_id": task_id,
            "map_index": map_index,
            "try_number": 0,
            "max_tries": 1,
            "state": None,
        }
        self.instances[key] = {**(known or blank), **fields}

    def tell(self) -> Json:
        """Return the DAGRunResponse."""
        return {"dag_id": self.dag_id, "dag_run_id": self.run_id, "state": self.state, "end_date": self.end}


class FakeRuns:
    """All runs by id, and the tasks of each DAG: task -> those downstream of it."""

    def __init__(self) -> None:
        self.runs: dict[str, FakeRun] = {}
        self.tasks: dict[str, dict[str, list[str]]] = {}
        self.refusal = ""

    @property
    def newest(self) -> FakeRun:
        """Return the run that was triggered last."""
        return list(self.runs.values())[-1]

    def handle(self, request: httpx.Request) -> httpx.Response | None:
        """Answer a request about runs, or return None when it is about something else."""
        found = re.fullmatch(r"/api/v2/dags/([^/]+)/(tasks|dagRuns(?:/([^/]+))?(/taskInstances.*)?)", request.url.path)
        if not found:
            return None
        dag_id, what, run_id, rest = (unquote(part or "") for part in found.groups())
        if what == "tasks" and dag_id in self.tasks:
            tasks = self.tasks[dag_id].items()
            items = [{"task_id": task_id, "downstream_task_ids": below} for task_id, below in sorted(tasks)]
            return httpx.Response(200, json={"tasks": items, "total_entries": len(items)})
        if request.method == "POST" and what == "dagRuns" and dag_id in self.tasks:
            return self._trigger(dag_id, json.loads(request.content))
        run = self.runs.get(run_id)
        if request.method != "GET" or run is None or run.dag_id != dag_id:
            return None
        return _instances(run, rest, request) if rest else httpx.Response(200, json=run.tell())

    def _trigger(self, dag_id: str, body: Json) -> httpx.Response:
        if self.refusal:
            return httpx.Response(400, json={"detail": self.refusal})
        date = body["logical_date"]
        if date and any((run.dag_id, run.logical_date) == (dag_id, date) for run in self.runs.values()):
            return httpx.Response(409, json={"detail": {"reason": "Unique constraint violation"}})
        run = FakeRun(dag_id, body["dag_run_id"], body["conf"], date)
        self.runs[run.run_id] = run
        for task_id in self.tasks[dag_id]:
            run.set(task_id)
        return httpx.Response(200, json=run.tell())


def stream_log(entries: list[Any]) -> httpx.Response:
    """Answer as Airflow does who is asked for `application/x-ndjson`: a document a line, a bare line as its event."""
    documents = [{"timestamp": None, "event": one} if isinstance(one, str) else one for one in entries]
    text = "".join(f"{json.dumps(one, separators=(',', ':'))}\n" for one in documents)
    return httpx.Response(200, content=text.encode(), headers={"Content-Type": "application/x-ndjson"})


def _instances(run: FakeRun, rest: str, request: httpx.Request) -> httpx.Response | None:
    params = request.url.params
    if rest == "/taskInstances":
        offset, limit = int(params["offset"]), int(params["limit"])
        items = list(run.instances.values())
        page = items[offset : offset + limit]
        return httpx.Response(200, json={"task_instances": page, "total_entries": len(items)})
    if found := re.fullmatch(r"/taskInstances/([^/]+)(?:/(\d+))?/tries", rest):
        key = (found[1], int(found[2] or -1))
        return httpx.Response(200, json={"task_instances": [run.instances[key], *run.earlier.get(key, [])]})
    if found := re.fullmatch(r"/taskInstances/([^/]+)/logs/(\d+)", rest):
        log = run.logs.get((found[1], int(params["map_index"]), int(found[2])))
        return None if log is None else stream_log(log)
    return None
