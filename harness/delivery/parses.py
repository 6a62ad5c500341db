"""Whether Airflow's last parse of a DAG was of the files that were delivered.

With versions the path of the parsed file tells: each version is a folder of its own. Without them the source tells a
new body from an old one, for Airflow stores it at every parse; what a DAG imports or reads, the source does not tell,
so there the time of the parse must.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from harness.delivery.pack import Package
from harness.delivery.target import Change, difference
from harness.delivery.versions import Versions
from harness.gate.verdict import Definitions
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_records import Dag, DagImportError

# An import error that says nothing of a version, and that was there before, may still be the old file's; after this
# long it is the new one's.
OLD_ERROR_S = 10.0
VERSION_FOLDER = re.compile(r"/([0-9a-f]{16})/")


@dataclass(frozen=True)
class Before:
    """What Airflow had when a delivery began: its DAGs, and the stack traces of its import errors, by file."""

    at: datetime
    dags: Mapping[str, Dag]
    errors: Mapping[str, str]

    def is_new(self, error: DagImportError, waited_s: float) -> bool:
        """Tell, by time and text, whether an import error is of a parse since."""
        if error.timestamp is not None and error.timestamp < self.at:
            return False
        return self.errors.get(error.filename) != error.stack_trace or waited_s >= OLD_ERROR_S


@dataclass(frozen=True)
class VersionParses:
    """Parses of a bundle with versions."""

    versions: Versions
    package: Package
    defined: Definitions | None
    before: Before
    _same: dict[tuple[str, str], bool] = field(default_factory=dict)

    def problem_of(self, dag: Dag, file: str) -> str:
        """Return what is wrong with what Airflow has of a DAG, or nothing.

        A parse of another version is as good when nothing differs that this DAG may read.
        """
        version = _version_of(dag)
        if version == self.package.version or self._has_same(version, file):
            return ""
        return f"not of version {self.package.version} yet"

    def has_begun(self, dags: Mapping[str, Dag]) -> bool:
        """Tell whether the dag-processor has the new files, so that a parse would read them."""
        return any(dag.bundle_version == self.package.version for dag in dags.values())

    def is_new(self, error: DagImportError, waited_s: float) -> bool:
        """Tell whether an import error is of the new files."""
        named = VERSION_FOLDER.findall(error.stack_trace)
        return self.package.version in named if named else self.before.is_new(error, waited_s)

    def _has_same(self, version: str, file: str) -> bool:
        if self.defined is None or not version:
            return False
        if (version, file) not in self._same:
            found = self.versions.config_maps.get(version)
            change = difference(found.files, self.package.digests) if found else None
            own = _own_files(self.defined, found.defined if found else None)
            self._same[version, file] = change is not None and file not in change.paths and change.paths <= own
        return self._same[version, file]


@dataclass(frozen=True)
class TextParses:
    """Parses of a bundle that is one ConfigMap, mounted as it is."""

    airflow: AirflowApi
    package: Package
    defined: Definitions | None
    before: Before
    change: Change

    def problem_of(self, dag: Dag, file: str) -> str:
        """Return what is wrong with what Airflow has of a DAG, or nothing."""
        if file.endswith(".py"):
            source = self.airflow.dag_source(dag.dag_id)
            if source is None or source.splitlines() != self.package.files[file].decode(errors="replace").splitlines():
                return "still the old version"
        others = self.change.paths - {file}
        if others <= (_own_files(self.defined) if self.defined else {file}):
            return ""
        begun = dag.last_parsed and dag.last_parsed - timedelta(seconds=dag.parse_s)
        return "" if begun and begun >= self.before.at else "not parsed since the sync"

    def has_begun(self, dags: Mapping[str, Dag]) -> bool:  # noqa: ARG002 - nothing tells
        """Tell whether the dag-processor has the new files, so that a parse would read them."""
        return False

    def is_new(self, error: DagImportError, waited_s: float) -> bool:
        """Tell whether an import error is of the new files."""
        return self.before.is_new(error, waited_s)


def _own_files(*defined: Definitions | None) -> frozenset[str]:
    """Return the files that no DAG but their own can depend on: those that define DAGs, and that nobody imports."""
    known = [one for one in defined if one]
    files = {file for one in known for file in one.files.values()}
    return frozenset(files.difference(*(one.imported for one in known)))


def _version_of(dag: Dag) -> str:
    """Return the version whose folder the DAG was parsed in."""
    inside = f"/{dag.relative_fileloc}"
    if dag.fileloc.endswith(inside):
        return dag.fileloc.removesuffix(inside).rpartition("/")[2]
    return dag.bundle_version or ""
