"""The database is backed up, lost with its volume and its key, and restored: the history is the same."""

import json
import secrets
import sys
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from harness import AirflowApiError, AirflowEnv, NotYet, Run, Runs, wait_until
from support.admin import find_variable, make_connection, make_variable, remove_connection, remove_variable

from .history import history_of
from .inside import make_run_id, read_credentials, run
from .logins import can_log_in, put_secret, wait_for_login

pytestmark = pytest.mark.timeout(900, func_only=True)

STATEFUL_SET, CLAIM = "airflow-postgresql", "data-airflow-postgresql-0"
VARIABLE, CONNECTION = "e2e_backup", "e2e_backup"
VALUE, PASSWORD = "kept in a backup: grüße %s", "kept-in-a-backup"
OTHER_PASSWORD = "of-another-cluster"  # noqa: S105 - for a minute
CHAIN = {"first": 1, "second": 1, "third": 1}


@pytest.fixture
def encrypted(airflow_env: AirflowEnv) -> Iterator[None]:
    """Make a variable and a connection, which the database holds encrypted; afterwards they go."""
    airflow = airflow_env.airflow
    make_variable(airflow, VARIABLE, VALUE)
    make_connection(airflow, CONNECTION, "http", PASSWORD)
    yield
    remove_variable(airflow, VARIABLE)
    remove_connection(airflow, CONNECTION)


@pytest.mark.usefixtures("encrypted")
def test_history_survives_the_loss_of_the_database(
    airflow_env: AirflowEnv, runs: Runs, tmp_path: Path, record_property: Any
) -> None:
    succeeded = runs.run("e2e_chain", timeout_s=180)
    succeeded.check(CHAIN)
    failed = runs.run("e2e_always_raises", timeout_s=240)
    before = [history_of(one) for one in (succeeded, failed)]
    assert [one.run.state for one in before] == ["success", "failed"]
    assert before[1].states()["victim"] == ["failed"] * 3
    log = log_of(failed)
    assert "every try fails" in log
    check_decrypted(airflow_env)

    backup = tmp_path / "a.backup"
    written = harness(airflow_env, "backup", str(backup), record_property)
    assert backup.stat().st_mode & 0o777 == 0o600
    assert written["manifest"]["dag_runs"] >= len(before)
    record_property("backup bytes", written["size_bytes"])
    later = run_after_the_backup(airflow_env)

    login = read_credentials(airflow_env.kubernetes, airflow_env.settings)
    lose_database(airflow_env)
    try:
        put_secret(airflow_env, "airflow-ui-creds", {**asdict(login), "password": OTHER_PASSWORD})
        restored = harness(airflow_env, "restore", str(backup), record_property)
        assert restored["manifest"] == written["manifest"]
        assert can_log_in(airflow_env, login.username, OTHER_PASSWORD)
    finally:
        put_secret(airflow_env, "airflow-ui-creds", asdict(login))
    wait_for_login(airflow_env, login.username, login.password)

    assert [history_of(one) for one in (succeeded, failed)] == before
    assert log_of(failed) == log
    check_decrypted(airflow_env)
    with pytest.raises(AirflowApiError) as caught:
        airflow_env.airflow.dag_run("e2e_chain", later)
    assert caught.value.status == HTTPStatus.NOT_FOUND
    runs.run("e2e_chain", timeout_s=180).check(CHAIN)
    # What a restore did by hand must not be in the way of the next upgrade.
    airflow_env.environment.parts.release.install()


def harness(env: AirflowEnv, verb: str, file: str, record_property: Any) -> Any:
    """Run the command as a person does, and return what it prints for programs; it prints no secret."""
    command = Path(sys.executable).with_name("harness")
    started = time.monotonic()
    words = [str(command), "--name", env.settings.name, verb, "--json", file]
    result = run(words, cwd=env.settings.project, timeout_s=600)
    record_property(f"{verb} seconds", round(time.monotonic() - started, 1))
    said = result.stdout + result.stderr
    assert not [secret for secret in (VALUE, PASSWORD, OTHER_PASSWORD, fernet_key(env)) if secret in said]
    return json.loads(result.stdout)


def fernet_key(env: AirflowEnv) -> str:
    secret = env.kubernetes.get("Secret", "airflow-internal", env.namespace)
    assert secret
    return b64decode(secret["data"]["fernet-key"]).decode()


def log_of(run_: Run) -> str:
    """Return the log of a task's last try."""
    return run_.airflow.logs(run_.dag_id, run_.run_id, "victim", 3)


def check_decrypted(env: AirflowEnv) -> None:
    """See that Airflow reads what its database holds encrypted."""
    variable = find_variable(env.airflow, VARIABLE)
    assert variable
    assert variable.is_encrypted
    assert variable.value == VALUE
    words = [env.docker.binary, "exec", env.environment.parts.cluster.node_names[0], "kubectl"]
    pod = ["-n", env.namespace, "exec", env.settings.scheduler, "-c", env.settings.scheduler_container, "--"]
    argv = [*words, "--kubeconfig=/etc/kubernetes/admin.conf", *pod, "airflow", "connections", "get", CONNECTION]
    found = json.loads(run([*argv, "--output=json"], timeout_s=120).stdout)
    assert found[0]["password"] == PASSWORD


def run_after_the_backup(env: AirflowEnv) -> str:
    """Run a DAG that the backup does not know, and return its run id; the report, which would ask, is not told."""
    run_id = make_run_id(0)
    env.airflow.trigger("e2e_chain", run_id)
    assert env.airflow.wait_for_run("e2e_chain", run_id, timeout_s=180).state == "success"
    return run_id


def lose_database(env: AirflowEnv) -> None:
    """Delete the database's volume and the key that reads it, as the loss of a cluster does, and begin with nothing."""
    kubernetes, namespace = env.kubernetes, env.namespace
    scale(env, 0)
    claim = kubernetes.get("PersistentVolumeClaim", CLAIM, namespace)
    assert claim
    kubernetes.delete("PersistentVolumeClaim", CLAIM, namespace)
    volume = claim["spec"]["volumeName"]
    wait_until(
        f"the end of volume {volume}",
        lambda: NotYet("it is there") if kubernetes.get("PersistentVolume", volume) else True,
        timeout_s=90,
    )
    key = b64encode(urlsafe_b64encode(secrets.token_bytes(32))).decode()
    kubernetes.merge("Secret", "airflow-internal", namespace, {"data": {"fernet-key": key}})
    scale(env, 1)
    assert env.environment.parts.backups.database.revision() == ""


def scale(env: AirflowEnv, replicas: int) -> None:
    """Give PostgreSQL as many pods, and wait until that is so."""
    env.kubernetes.merge("StatefulSet", STATEFUL_SET, env.namespace, {"spec": {"replicas": replicas}})

    def probe() -> bool | NotYet:
        found = env.kubernetes.get("StatefulSet", STATEFUL_SET, env.namespace)
        status = (found or {}).get("status", {})
        seen = (status.get("replicas", 0), status.get("readyReplicas", 0))
        return seen == (replicas, replicas) or NotYet(f"{seen[1]} of {seen[0]} ready")

    wait_until(f"{replicas} pods of {STATEFUL_SET}", probe, timeout_s=120)
