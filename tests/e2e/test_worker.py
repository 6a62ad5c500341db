"""What a worker pod can reach and what it must not know."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from harness import AirflowEnv, Runs

pytestmark = pytest.mark.timeout(180, func_only=True)

VARIABLES = "airflow-variables"
SPECIAL = """ a 'single' "double" $HOME $(HOME) ${HOME} `id` \\n {{ ds }} %s # ; | & = é ü 漢 \t and a\nsecond line"""
READ_ONLY = ("/", "/etc", "/home/airflow", "/opt/airflow", "/opt/airflow/dag-versions/e2e", "/usr/bin")
WRITABLE = ("/opt/airflow/logs", "/tmp")  # noqa: S108 - a path in a container
INSIDE = ("kubernetes.default.svc.cluster.local", "airflow-api-server.{namespace}.svc.cluster.local")


@pytest.fixture(scope="module")
def special_variable(airflow_env: AirflowEnv) -> Iterator[None]:
    """Add a key to the Secret airflow-variables, as its only owner, and take it out again."""
    _own_keys(airflow_env, {"E2E_SPECIAL": base64.b64encode(SPECIAL.encode()).decode()})
    yield
    _own_keys(airflow_env, {})


def outside_name(airflow_env: AirflowEnv) -> str:
    """Return a name that only the node's own resolver knows, so it is asked for as any name outside the cluster is.

    A name of the internet would make the test depend on the network that this machine is in.
    """
    return airflow_env.control_plane


def _own_keys(airflow_env: AirflowEnv, data: dict[str, str]) -> None:
    assert airflow_env.kubernetes.get("Secret", VARIABLES, airflow_env.namespace), f"there is no Secret {VARIABLES}"
    metadata = {"name": VARIABLES, "namespace": airflow_env.namespace}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    airflow_env.kubernetes.apply(manifest, field_manager="harness-e2e")


@pytest.fixture(scope="module")
def report(airflow_env: AirflowEnv, shared_runs: Runs, special_variable: None) -> dict[str, Any]:  # noqa: ARG001
    """Run the task that reports what it finds in its pod."""
    inside = [host.format(namespace=airflow_env.namespace) for host in INSIDE]
    conf = {"resolve": [*inside, outside_name(airflow_env)], "write": [*READ_ONLY, *WRITABLE]}
    run = shared_runs.run("e2e_inspect", conf, timeout_s=120)
    run.check({"inspect": 1})
    found: dict[str, Any] = airflow_env.airflow.xcom(run.dag_id, run.run_id, "inspect")
    return found


def test_worker_has_no_database_url(report: dict[str, Any]) -> None:
    assert not [name for name in report["environment"] if "SQL_ALCHEMY_CONN" in name]
    assert not report["database_urls"]


def test_worker_has_no_jwt_key(report: dict[str, Any]) -> None:
    assert not [name for name in report["environment"] if "JWT" in name]


def test_worker_has_no_service_account_token(report: dict[str, Any]) -> None:
    assert not report["service_account_files"]


def test_worker_is_not_root(report: dict[str, Any]) -> None:
    assert report["uid"] != 0


def test_worker_has_no_capability_and_gains_none(report: dict[str, Any]) -> None:
    status = report["confinement"]
    assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"


def test_worker_system_calls_are_filtered(report: dict[str, Any]) -> None:
    assert report["confinement"]["Seccomp"] == "2"


def test_worker_root_filesystem_is_read_only(report: dict[str, Any]) -> None:
    assert {folder: report["written"][folder] for folder in READ_ONLY} == dict.fromkeys(READ_ONLY, "EROFS")


def test_worker_writes_logs_and_temporary_files(report: dict[str, Any]) -> None:
    assert {folder: report["written"][folder] for folder in WRITABLE} == dict.fromkeys(WRITABLE, "written")


def test_worker_resolves_names_of_the_cluster_and_outside(report: dict[str, Any]) -> None:
    unresolved = {host: found for host, found in report["addresses"].items() if "error" in str(found) or not found}
    assert not unresolved


def test_special_characters_of_a_variable_arrive(report: dict[str, Any]) -> None:
    assert report["special"] == SPECIAL
