"""The words of a command in the pod of PostgreSQL."""

from harness.backup.metadata import reset_statement

KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "-n", "tools")
POD = ("statefulset/airflow-postgresql", "-c", "postgresql", "--")
NODE = "harness-dev-control-plane"
PSQL = ("psql", "--no-psqlrc", "--tuples-only", "--no-align")
RESTORE = (
    *("pg_restore", "--exit-on-error", "--single-transaction"),
    *("--no-owner", "--no-privileges", "--dbname=airflow_restored"),
)


def in_pod(program: str, *args: str, reads: bool = False) -> list[str]:
    """Return all words, down to those for the program; with `reads` it has an input."""
    into = ("exec", "-i") if reads else ("exec",)
    return ["docker", *into, NODE, *KUBECTL, *into, *POD, program, "--username=airflow", *args]


def ask(query: str, database: str = "airflow") -> list[str]:
    """Return the words of a query."""
    return in_pod(*PSQL, f"--dbname={database}", f"--command={query}")


def tell(*statements: str, database: str = "postgres") -> list[str]:
    """Return the words of statements that change something."""
    commands = (f"--command={statement}" for statement in statements)
    return in_pod("psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--dbname={database}", *commands)


DUMP = in_pod("pg_dump", "--format=custom", "--no-owner", "--no-privileges", "airflow")
READ_BACK = in_pod("pg_restore", "--file=/dev/null", reads=True)
HAS_TABLES = "SELECT to_regclass('alembic_version')"
REVISION = "SELECT version_num FROM alembic_version"
COUNT = "SELECT count(*) FROM dag_run"
BUSY = "SELECT count(*) FROM task_instance WHERE state IN ('queued', 'running', 'restarting')"
MAKE_BESIDE = tell(
    "DROP DATABASE IF EXISTS airflow_restored WITH (FORCE)", "CREATE DATABASE airflow_restored TEMPLATE template0"
)
FILL_BESIDE = in_pod(*RESTORE, reads=True)
UNMARK = tell("COMMENT ON TABLE alembic_version IS NULL", database="airflow_restored")
RESET = tell(reset_statement(128), database="airflow")
SWAP = tell("DROP DATABASE IF EXISTS airflow WITH (FORCE)", "ALTER DATABASE airflow_restored RENAME TO airflow")
