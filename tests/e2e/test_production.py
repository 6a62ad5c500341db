"""The overlay for production as it stands, beside the environment: a database and keys that a person manages."""

import base64
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import AirflowApi, AirflowEnv, NotYet, wait_until

from .inside import KUBECTL, Database, make_run_id
from .throw_away import throw_away

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600, func_only=True)]

NAMESPACE = "tools-production"
DAG = Path(__file__).parent / "dags/e2e_chain.py"
DATABASE = "e2e_production"


@dataclass(frozen=True)
class External:
    """A database of its own in the environment's PostgreSQL: to the release it is far away."""

    env: AirflowEnv

    def ask(self, query: str, *, database: str = DATABASE) -> str:
        """Return what the query answers, without heads."""
        return Database(self.env.docker, self.env.settings).ask(query, database)

    @property
    def connection(self) -> str:
        """Return what a person writes into the Secret."""
        secret = self.env.kubernetes.get("Secret", "airflow-postgresql", self.env.namespace)
        assert secret
        password = base64.b64decode(secret["data"]["password"]).decode()
        host = f"airflow-postgresql.{self.env.namespace}.svc.cluster.local"
        return f"postgresql+psycopg2://airflow:{password}@{host}:5432/{DATABASE}"

    def start_job(self, name: str, cron_job: str) -> None:
        """Start what the CronJob starts at its time."""
        docker, node = self.env.docker, self.env.control_plane
        docker.exec(node, *KUBECTL, "--namespace", NAMESPACE, "create", "job", name, f"--from=cronjob/{cron_job}")


@pytest.fixture(scope="module")
def external(airflow_env: AirflowEnv) -> Iterator[External]:
    database = External(airflow_env)
    drop = f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"
    database.ask(drop, database="postgres")
    database.ask(f"CREATE DATABASE {DATABASE}", database="postgres")
    yield database
    database.ask(drop, database="postgres")


@pytest.fixture(scope="module")
def production(external: External) -> Iterator[AirflowApi]:
    env = external.env
    by_hand = {
        "airflow-database": {"connection": external.connection},
        "airflow-keys": {
            "fernet-key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "jwt-secret": secrets.token_urlsafe(64),
            "api-secret-key": secrets.token_urlsafe(32),
        },
    }
    overlays = [env.settings.project / "helm/values/production.yaml"]
    with throw_away(env, NAMESPACE, {}, [DAG], node_port=30082, overlays=overlays, secrets=by_hand) as airflow:
        yield airflow


def succeed(airflow: AirflowApi) -> str:
    """Run the DAG to its success and return the run's id."""
    run_id = make_run_id(os.getpid())
    airflow.unpause(DAG.stem)
    airflow.trigger(DAG.stem, run_id)
    assert airflow.wait_for_run(DAG.stem, run_id, timeout_s=180).state == "success"
    return run_id


def test_dag_runs_on_a_database_and_keys_made_by_a_person(production: AirflowApi, external: External) -> None:
    run_id = succeed(production)
    assert f"{run_id}|success" in external.ask("SELECT run_id, state FROM dag_run").split()
    kubernetes = external.env.kubernetes
    assert kubernetes.list("StatefulSet", NAMESPACE) == []
    for generated in ("airflow-internal", "airflow-postgresql"):
        assert not kubernetes.get("Secret", generated, NAMESPACE)


def test_cleanup_removes_what_is_too_old_and_leaves_the_rest(production: AirflowApi, external: External) -> None:
    old = succeed(production)
    external.ask("UPDATE dag_run SET start_date = start_date - interval '91 days'")
    middle = succeed(production)
    # The old one is 180 days old then, this one 89: the chart's 90 are between them.
    external.ask("UPDATE dag_run SET start_date = start_date - interval '89 days'")
    young = succeed(production)
    external.start_job("e2e-cleanup", "airflow-cleanup")

    def probe() -> bool | NotYet:
        job = external.env.kubernetes.get("Job", "e2e-cleanup", NAMESPACE)
        status = job["status"] if job else {}
        return True if status.get("succeeded") else NotYet(str(status))

    wait_until("the cleanup", probe, timeout_s=120)
    left = external.ask("SELECT run_id FROM dag_run").split()
    assert {middle, young} <= set(left)
    assert old not in left
