"""Whether Airflow runs what was delivered. It stores each DAG's source at every parse, so it can be asked.

The source tells a new body from an old one, which the structure of a DAG does not. What a DAG imports, the source does
not tell, so there the time of the parse must.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from harness.delivery.dag_ids import find_dag_ids
from harness.delivery.pack import Package
from harness.delivery.target import Change, Target
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_records import Dag
from harness.waiting import Unreachable

# An import error that was there before may still be the old file's; after this long it is the new one's.
OLD_ERROR_S = 10.0


@dataclass
class ServedCheck:
    """One delivery, and what Airflow has shown of it so far."""

    airflow: AirflowApi
    package: Package
    target: Target
    change: Change
    applied: datetime
    old_errors: Mapping[str, str]
    confirmed: set[str] = field(default_factory=set)
    requested: set[str] = field(default_factory=set)
    switched: datetime | None = None
    seen: Mapping[str, Dag] = field(default_factory=dict)

    def missing(self, waited_s: float) -> list[str]:
        """Return what is not live yet, in words; raise Unreachable when a file does not import."""
        self._raise_import_errors(waited_s)
        self.seen = dags = {dag.dag_id: dag for dag in self.airflow.dags(bundle_name=self.target.bundle)}
        if self.switched is None and any(self._has_version(dag) for dag in dags.values()):
            self.switched = datetime.now(UTC)
        return [*self._missing_dags(dags), *self._left_over(dags), *self._unparsed(dags)]

    def _raise_import_errors(self, waited_s: float) -> None:
        for error in self.airflow.import_errors(bundle_name=self.target.bundle):
            is_new = self.old_errors.get(error.filename) != error.stack_trace
            if error.filename in self.package.files and (is_new or waited_s >= OLD_ERROR_S):
                raise Unreachable(
                    f"Airflow cannot import {error.filename}:\n{error.stack_trace.strip()}",
                    next_step=f"correct {error.filename} and sync again",
                )

    def _has_version(self, dag: Dag) -> bool:
        return not self.target.is_versioned or dag.bundle_version == self.package.version

    def _missing_dags(self, dags: Mapping[str, Dag]) -> Iterator[str]:
        for path, content in self.package.files.items():
            if not path.endswith(".py") or not self._is_to_be_seen(path):
                continue
            text = content.decode(errors="replace")
            # DAGs whose ids only Airflow can tell count as soon as it knows them.
            known = {dag.dag_id for dag in dags.values() if dag.relative_fileloc == path}
            for dag_id in sorted((_ids(path, text) | known) - self.confirmed):
                problem = self._problem_of(dags.get(dag_id), text)
                if problem:
                    yield f"{path}: DAG {dag_id} is {problem}"
                else:
                    self.confirmed.add(dag_id)

    def _is_to_be_seen(self, path: str) -> bool:
        """Tell whether to wait for a file; nobody waits for what was live before in another version."""
        return not self.target.is_versioned or self.change.is_empty or path in self._touched

    def _problem_of(self, dag: Dag | None, text: str) -> str:
        if dag is None:
            return "not known"
        if not self._has_version(dag):
            self._request_parse(dag)
            return f"not of version {self.package.version} yet"
        if self.target.is_versioned and self.change.is_empty:
            return ""
        source = self.airflow.dag_source(dag.dag_id)
        if source is None or source.splitlines() != text.splitlines():
            self._request_parse(dag)
            return "still the old version"
        return ""

    @property
    def _touched(self) -> tuple[str, ...]:
        return (*self.change.added, *self.change.changed)

    def _left_over(self, dags: Mapping[str, Dag]) -> Iterator[str]:
        for dag in dags.values():
            if dag.relative_fileloc in self.change.removed:
                yield f"{dag.relative_fileloc}: removed, and DAG {dag.dag_id} is still there"

    def _unparsed(self, dags: Mapping[str, Dag]) -> Iterator[str]:
        """Yield the DAGs not parsed since, if a helper or data file is new or changed."""
        helpers = [path for path in self._touched if not _ids(path, self.package.files[path].decode(errors="replace"))]
        if not helpers:
            return
        # A parse that ran when the dag-processor went over to the new version has read the old one.
        since = self.switched if self.target.is_versioned else self.applied
        for dag in dags.values():
            if dag.relative_fileloc not in self.package.files or dag.relative_fileloc in self.change.added:
                continue
            if since is None or dag.last_parsed is None or dag.last_parsed - timedelta(seconds=dag.parse_s) < since:
                self._request_parse(dag)
                yield f"{dag.relative_fileloc}: not parsed since the sync"

    def _request_parse(self, dag: Dag) -> None:
        """Ask once for a parse, but not before the dag-processor has the new version: it would parse the old one."""
        file = str(dag.relative_fileloc)
        if self.target.is_versioned and self.switched and file not in self.requested:
            self.requested.add(file)
            self.airflow.request_parse(dag)


def _ids(path: str, text: str) -> frozenset[str]:
    return find_dag_ids(text) if path.endswith(".py") else frozenset()
