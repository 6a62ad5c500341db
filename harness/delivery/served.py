"""Whether Airflow runs what was delivered: exactly the DAGs that the files define, each of its new file."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

from harness.delivery.pack import Package
from harness.delivery.parses import TextParses, VersionParses
from harness.gate.verdict import Definitions
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_records import Dag
from harness.waiting import Unreachable

# A DAG that the cluster may not have, for the gate could not know, is waited for no longer.
UNCERTAIN_S = 10.0
# Airflow drops a DAG that its file no longer defines when the file was parsed some time after the DAG was last seen.
PARSE_AGAIN_S = 1.5


@dataclass
class ServedCheck:
    """One delivery, and what Airflow has shown of it so far; `defined` is None where no gate was asked."""

    airflow: AirflowApi
    bundle: str
    package: Package
    defined: Definitions | None
    parses: VersionParses | TextParses
    seen: Mapping[str, Dag] = field(default_factory=dict)
    _asked_s: dict[str, float] = field(default_factory=dict)

    def missing(self, waited_s: float) -> list[str]:
        """Return what is not live yet, in words; raise Unreachable when a file does not import."""
        self._raise_import_errors(waited_s)
        self.seen = {dag.dag_id: dag for dag in self.airflow.dags(bundle_name=self.bundle)}
        return [*self._absent(waited_s), *self._present(waited_s)]

    def _raise_import_errors(self, waited_s: float) -> None:
        for error in self.airflow.import_errors(bundle_name=self.bundle):
            file = find_file(error.filename, self.package.files)
            if file and self.parses.is_new(error, waited_s):
                raise Unreachable(
                    f"Airflow cannot import {file}:\n{error.stack_trace.strip()}",
                    next_step=f"correct {file} and sync again",
                )

    def _absent(self, waited_s: float) -> Iterator[str]:
        """Yield the DAGs that are not there."""
        if self.defined is None:
            if not self.seen and any(path.endswith((".py", ".zip")) for path in self.package.files):
                yield "no DAG is known"
            return
        with_dags = {find_file(dag.relative_fileloc, self.package.files) for dag in self.seen.values()}
        for dag_id, file in self.defined.files.items():
            is_doubtful = file in self.defined.uncertain and (file in with_dags or waited_s >= UNCERTAIN_S)
            if dag_id not in self.seen and not is_doubtful:
                yield f"{file}: DAG {dag_id} is not known"

    def _present(self, waited_s: float) -> Iterator[str]:
        """Yield the DAGs that are there and should not be, or not yet as they should."""
        has_begun = self.parses.has_begun(self.seen)
        for dag in self.seen.values():
            file = find_file(dag.relative_fileloc, self.package.files)
            if not file:
                yield f"{dag.relative_fileloc}: removed, and DAG {dag.dag_id} is still there"
                continue
            if self._is_defined(dag, file):
                problem, again_s = self.parses.problem_of(dag, file), float("inf")
            else:
                problem, again_s = "no longer defined, and still there", PARSE_AGAIN_S
            if problem:
                yield f"{file}: DAG {dag.dag_id} is {problem}"
            if problem and has_begun:
                self._request_parse(dag, file, waited_s, again_s)

    def _is_defined(self, dag: Dag, file: str) -> bool:
        if self.defined is None or file in self.defined.uncertain:
            return True
        return self.defined.files.get(dag.dag_id) == file

    def _request_parse(self, dag: Dag, file: str, waited_s: float, again_s: float) -> None:
        """Ask for a parse of the file, once or again after some seconds."""
        if waited_s - self._asked_s.get(file, float("-inf")) >= again_s:
            self._asked_s[file] = waited_s
            self.airflow.request_parse(dag)


def find_file(path: str | None, files: Container[str]) -> str:
    """Return which of the files a path is in, as Airflow tells it: inside of a zip file it goes on."""
    while path:
        if path in files:
            return path
        path = path.rpartition("/")[0]
    return ""
