"""What Airflow's REST API v2 answers, as frozen records with only the fields that the harness uses.

Fields are those of the OpenAPI document of Airflow 3.3.2 (`v2-rest-api-generated.yaml`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from harness.tools import Json

NOW: Final = "now"
# What a run's templates call `ds`, `ts` and the like go by; with None they are undefined. `now` is the trigger's time.
LogicalDate = datetime | Literal["now"] | None

HEALTHY = "healthy"
FINAL_RUN_STATES = frozenset({"success", "failed"})


@dataclass(frozen=True)
class Health:
    """What each component says of itself; None is one that has never been seen."""

    metadatabase: str | None
    scheduler: str | None
    dag_processor: str | None
    triggerer: str | None

    @property
    def problems(self) -> list[str]:
        """Return one line for each component that is not healthy."""
        return [f"{name}: {status or 'never seen'}" for name, status in vars(self).items() if status != HEALTHY]

    @property
    def is_healthy(self) -> bool:
        """Return whether all four are."""
        return not self.problems


@dataclass(frozen=True)
class Dag:
    """A DAG as Airflow knows it; `relative_fileloc` is its file below the bundle's folder.

    `bundle_version` is that of its last parse, which took `parse_s` seconds; `file_token` names the file to the API,
    `fileloc` is its path where it was parsed.
    """

    dag_id: str
    is_paused: bool
    is_stale: bool
    bundle_name: str | None
    relative_fileloc: str | None
    last_parsed: datetime | None
    has_import_errors: bool
    bundle_version: str | None = None
    parse_s: float = 0.0
    file_token: str = ""
    fileloc: str = ""


@dataclass(frozen=True)
class DagRun:
    """A DAG run; `state` is queued, running, success or failed, `bundle_version` that of the code it runs.

    `run_type` is manual, scheduled or another of Airflow's, `run_after` when it was due.
    """

    dag_id: str
    run_id: str
    state: str
    start: datetime | None
    end: datetime | None
    bundle_version: str | None = None
    run_type: str = ""
    run_after: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Return whether no task of it will run any more."""
        return self.state in FINAL_RUN_STATES


@dataclass(frozen=True)
class TaskKey:
    """What has one pod of its own: a try of a task; `map_index` is -1 for a task that is not mapped."""

    task_id: str
    map_index: int
    try_number: int

    def __str__(self) -> str:
        """Return `task[map index] try n`."""
        index = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.task_id}{index} try {self.try_number}"


@dataclass(frozen=True)
class TaskInstance:
    """One try of one task; `map_index` is -1 for a task that is not mapped, `hostname` the worker pod's name."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    max_tries: int
    state: str | None
    hostname: str
    queued: datetime | None
    start: datetime | None
    end: datetime | None
    scheduled: datetime | None = None

    @property
    def label(self) -> str:
        """Return `task[map index]` as people write it."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"

    @property
    def key(self) -> TaskKey:
        """Return which try of which task it is."""
        return TaskKey(self.task_id, self.map_index, self.try_number)


@dataclass(frozen=True)
class DagImportError:
    """A DAG file that cannot be imported; `filename` is relative to the bundle's folder."""

    filename: str
    bundle_name: str | None
    timestamp: datetime | None
    stack_trace: str


@dataclass(frozen=True)
class EventLog:
    """A line of Airflow's audit log, such as `heartbeat timeout` or `state mismatch`."""

    event: str
    when: datetime | None
    task_id: str | None
    map_index: int | None
    try_number: int | None
    extra: str


def parse_time(text: str | None) -> datetime | None:
    """Return the time that the API wrote in ISO 8601, or None for none."""
    return datetime.fromisoformat(text) if text else None


def parse_dag(item: Json) -> Dag:
    """Read a DAGResponse."""
    return Dag(
        dag_id=item["dag_id"],
        is_paused=item["is_paused"],
        is_stale=item["is_stale"],
        bundle_name=item.get("bundle_name"),
        relative_fileloc=item.get("relative_fileloc"),
        last_parsed=parse_time(item.get("last_parsed_time")),
        has_import_errors=bool(item.get("has_import_errors")),
        bundle_version=item.get("bundle_version"),
        parse_s=item.get("last_parse_duration") or 0.0,
        file_token=item.get("file_token") or "",
        fileloc=item.get("fileloc") or "",
    )


def parse_dag_run(item: Json) -> DagRun:
    """Read a DAGRunResponse."""
    return DagRun(
        dag_id=item["dag_id"],
        run_id=item["dag_run_id"],
        state=item["state"],
        start=parse_time(item.get("start_date")),
        end=parse_time(item.get("end_date")),
        bundle_version=item.get("bundle_version"),
        run_type=item.get("run_type") or "",
        run_after=parse_time(item.get("run_after")),
    )


def parse_task_instance(item: Json) -> TaskInstance:
    """Read a TaskInstanceResponse or a TaskInstanceHistoryResponse."""
    return TaskInstance(
        dag_id=item["dag_id"],
        run_id=item["dag_run_id"],
        task_id=item["task_id"],
        map_index=item["map_index"],
        try_number=item["try_number"],
        max_tries=item["max_tries"],
        state=item.get("state"),
        hostname=item.get("hostname") or "",
        queued=parse_time(item.get("queued_when")),
        start=parse_time(item.get("start_date")),
        end=parse_time(item.get("end_date")),
        scheduled=parse_time(item.get("scheduled_when")),
    )


def parse_import_error(item: Json) -> DagImportError:
    """Read an ImportErrorResponse."""
    return DagImportError(
        filename=item["filename"],
        bundle_name=item.get("bundle_name"),
        timestamp=parse_time(item.get("timestamp")),
        stack_trace=item.get("stack_trace") or "",
    )


def parse_event_log(item: Json) -> EventLog:
    """Read an EventLogResponse."""
    return EventLog(
        event=item["event"],
        when=parse_time(item.get("when")),
        task_id=item.get("task_id"),
        map_index=item.get("map_index"),
        try_number=item.get("try_number"),
        extra=item.get("extra") or "",
    )
