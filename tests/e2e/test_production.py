"""The overlay for production as it stands, beside the environment: a database and keys that a person manages."""

import base64
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import AirflowApi, AirflowEnv, NotYet, wait_until
from harness.faults import list_component_pods

from .inside import KUBECTL, Database, Json, make_run_id
from .throw_away import throw_away

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600, func_only=True)]

NAMESPACE = "tools-production"
DAG = Path(__file__).parent / "dags/e2e_chain.py"
DATABASE = "e2e_production"
# A dead pod need not be old to go.
VALUES: Json = {"podCleanup": {"minCompletedMinutes": 0, "schedule": "0 0 1 1 *"}}
MARKS = {"dag_id": "gone", "task_id": "gone", "try_number": "1", "airflow_version": "3"}


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

    def run_job(self, cron_job: str) -> None:
        """Run what the CronJob starts at its time, to its success."""
        docker, node, name = self.env.docker, self.env.control_plane, f"e2e-{cron_job}"
        docker.exec(node, *KUBECTL, "--namespace", NAMESPACE, "create", "job", name, f"--from=cronjob/{cron_job}")

        def probe() -> bool | NotYet:
            job = self.env.kubernetes.get("Job", name, NAMESPACE)
            status = job["status"] if job else {}
            return True if status.get("succeeded") else NotYet(str(status))

        wait_until(f"the Job of {cron_job}", probe, timeout_s=120)


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
    with throw_away(env, NAMESPACE, VALUES, [DAG], node_port=30082, overlays=overlays, secrets=by_hand) as airflow:
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
    external.run_job("airflow-cleanup")
    left = external.ask("SELECT run_id FROM dag_run").split()
    assert {middle, young} <= set(left)
    assert old not in left


@pytest.mark.usefixtures("production")
def test_dead_worker_pod_that_nobody_watches_is_removed(external: External) -> None:
    kubernetes = external.env.kubernetes
    (scheduler,) = list_component_pods(kubernetes, NAMESPACE, "scheduler")
    container = {**scheduler["spec"]["containers"][0], "name": "base", "command": ["false"], "args": []}
    kept = ("image", "imagePullPolicy", "securityContext", "resources", "name", "command", "args")
    for name, labels in (("gone", MARKS), ("stays", {"dag_id": "gone"})):
        kubernetes.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"e2e-{name}", "namespace": NAMESPACE, "labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "securityContext": scheduler["spec"]["securityContext"],
                    "containers": [{key: container[key] for key in kept}],
                },
            }
        )

    def ended() -> bool | NotYet:
        pods = [kubernetes.get("Pod", f"e2e-{name}", NAMESPACE) for name in ("gone", "stays")]
        phases = [pod["status"]["phase"] for pod in pods if pod]
        return True if phases == ["Failed", "Failed"] else NotYet(str(phases))

    wait_until("two failed pods", ended, timeout_s=60)
    external.run_job("airflow-pod-cleanup")
    assert not kubernetes.get("Pod", "e2e-gone", NAMESPACE)
    assert kubernetes.get("Pod", "e2e-stays", NAMESPACE)
