"""The embedded PostgreSQL, by the clients in its own pod: they fit its version, and its socket asks for no password."""

from dataclasses import dataclass
from pathlib import Path

from harness.backup.metadata import reset_statement
from harness.command import run
from harness.nodes import control_plane
from harness.settings import Settings
from harness.tools.docker import Docker
from harness.tools.kind import KUBECTL

STATEFUL_SET = "airflow-postgresql"
USER = DATABASE = "airflow"
BESIDE = "airflow_restored"
QUICK_S = 60
COPY_S = 1800
BUSY_TASKS = "SELECT count(*) FROM task_instance WHERE state IN ('queued', 'running', 'restarting')"
PLAIN = ("--no-owner", "--no-privileges")


@dataclass(frozen=True)
class Database:
    """One environment's database; every method raises CommandError when PostgreSQL refuses."""

    docker: Docker
    settings: Settings

    def dump(self, into: Path) -> None:
        """Write the database to a file of pg_dump's custom format, and read that back to its end."""
        self._run("pg_dump", "--format=custom", *PLAIN, DATABASE, stdout=into, timeout_s=COPY_S)
        # A stream that broke off is seen by nobody else before the day of the restore.
        self._run("pg_restore", "--file=/dev/null", stdin=into, timeout_s=COPY_S)

    def revision(self, database: str = DATABASE) -> str:
        """Return the revision of Airflow's tables; empty when there are none."""
        if not self._has_tables(database):
            return ""
        return self.ask("SELECT version_num FROM alembic_version", database)

    def count_runs(self, database: str = DATABASE) -> int:
        """Return how many DAG runs there are."""
        return int(self.ask("SELECT count(*) FROM dag_run", database))

    def count_busy_tasks(self) -> int:
        """Return how many tasks are queued or run, whichever executor has them; 0 when there are no tables."""
        return int(self.ask(BUSY_TASKS, DATABASE)) if self._has_tables(DATABASE) else 0

    def restore_beside(self, dump: Path) -> None:
        """Restore a dump into a database beside that of Airflow, which goes on.

        The setup's mark is left out, so that no component starts on this database before the setup Job has seen it.
        """
        self._tell(f"DROP DATABASE IF EXISTS {BESIDE} WITH (FORCE)", f"CREATE DATABASE {BESIDE} TEMPLATE template0")
        self._run(
            *("pg_restore", "--exit-on-error", "--single-transaction", *PLAIN, f"--dbname={BESIDE}"),
            stdin=dump,
            timeout_s=COPY_S,
        )
        self._tell("COMMENT ON TABLE alembic_version IS NULL", database=BESIDE)

    def swap(self) -> None:
        """Put the database beside in the place of Airflow's, which goes for good."""
        self._tell(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"ALTER DATABASE {BESIDE} RENAME TO {DATABASE}")

    def reset(self, default_slots: int) -> None:
        """Leave the metadata as freshly installed, and the DAGs; `default_slots` are those of the pool of all tasks."""
        self._tell(reset_statement(default_slots), database=DATABASE)

    def ask(self, query: str, database: str) -> str:
        """Return what the query answers: a line for each row, without heads."""
        words = ("psql", "--no-psqlrc", "--tuples-only", "--no-align", f"--dbname={database}", f"--command={query}")
        return self._run(*words).strip()

    def _has_tables(self, database: str) -> bool:
        return bool(self.ask("SELECT to_regclass('alembic_version')", database))

    def _tell(self, *statements: str, database: str = "postgres") -> None:
        commands = [f"--command={statement}" for statement in statements]
        self._run("psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--dbname={database}", *commands)

    def _run(
        self,
        program: str,
        *args: str,
        stdin: Path | None = None,
        stdout: Path | None = None,
        timeout_s: float = QUICK_S,
    ) -> str:
        into = ("exec", "-i") if stdin else ("exec",)
        node = (self.docker.binary, *into, control_plane(self.settings))
        pod = (*KUBECTL, "-n", self.settings.namespace, *into, f"statefulset/{STATEFUL_SET}", "-c", "postgresql", "--")
        argv = [*node, *pod, program, f"--username={USER}", *args]
        return run(argv, timeout_s=timeout_s, stdin=stdin, stdout=stdout, env=self.docker.env).stdout
