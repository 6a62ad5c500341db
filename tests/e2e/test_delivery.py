"""`make dags`: an edit is live in seconds, and nothing but the DAGs changes."""

import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.command import run
from harness.delivery.live import Delivery, deliver
from harness.delivery.pack import LIMIT_BYTES, pack
from harness.pytest_plugin import AirflowEnv

from .conftest import DAGS, DeliveredDags

pytestmark = pytest.mark.timeout(240, func_only=True)

DAG = """
from airflow.sdk import dag, task


@dag(schedule=None, catchup=False, tags=["e2e"])
def {dag_id}() -> None:
    @task
    def say() -> str:
        return "{word}"

    say()


{dag_id}()
"""


@pytest.fixture
def folder(airflow_env: AirflowEnv, delivered_dags: DeliveredDags, tmp_path: Path) -> Iterator[Path]:
    """A copy of the test DAGs' folder; afterwards the cluster has the real one again."""
    copy = Path(shutil.copytree(DAGS, tmp_path / "dags"))
    yield copy
    deliver(airflow_env.kubernetes, airflow_env.airflow, delivered_dags.package, delivered_dags.target)


@pytest.fixture
def sync(airflow_env: AirflowEnv, delivered_dags: DeliveredDags, folder: Path) -> Callable[[], Delivery]:
    """Return what delivers the copy."""
    return lambda: deliver(airflow_env.kubernetes, airflow_env.airflow, pack(folder), delivered_dags.target)


def test_sync_adds_changes_and_removes_a_dag_and_touches_no_pod_and_no_release(
    airflow_env: AirflowEnv, folder: Path, sync: Callable[[], Delivery]
) -> None:
    before = state_of(airflow_env)
    dag_id = f"e2e_new_{uuid.uuid4().hex[:8]}"
    file = folder / f"{dag_id}.py"

    file.write_text(DAG.format(dag_id=dag_id, word="old"))
    assert sync().change.added == (file.name,)
    assert airflow_env.airflow.dag(dag_id) is not None

    file.write_text(DAG.format(dag_id=dag_id, word="new"))
    assert sync().change.changed == (file.name,)
    assert '"new"' in (airflow_env.airflow.dag_source(dag_id) or "")

    file.unlink()
    assert sync().change.removed == (file.name,)
    gone = airflow_env.airflow.dag(dag_id)
    assert gone is None or gone.is_stale

    assert state_of(airflow_env) == before


def test_sync_of_the_same_folder_changes_nothing(airflow_env: AirflowEnv, delivered_dags: DeliveredDags) -> None:
    name, namespace = delivered_dags.target.config_map, delivered_dags.target.namespace
    before = airflow_env.kubernetes.get("ConfigMap", name, namespace)
    assert deliver(
        airflow_env.kubernetes, airflow_env.airflow, delivered_dags.package, delivered_dags.target
    ).change.is_empty
    assert airflow_env.kubernetes.get("ConfigMap", name, namespace) == before


def test_folder_over_the_limit_is_refused_and_nothing_changes(airflow_env: AirflowEnv, tmp_path: Path) -> None:
    (tmp_path / "big.py").write_text("#" * (LIMIT_BYTES + 1))
    before = state_of(airflow_env), airflow_env.kubernetes.get("ConfigMap", "airflow-dags", airflow_env.namespace)

    result = run(
        [str(Path(sys.executable).with_name("harness")), "dags", "sync"],
        env={"HARNESS_NAME": airflow_env.settings.name, "HARNESS_DAGS": str(tmp_path)},
        cwd=airflow_env.settings.project,
        timeout_s=60,
        check=False,
    )

    said = result.stdout + result.stderr
    assert result.returncode == 2, said
    assert str(LIMIT_BYTES) in said
    assert "big.py" in said
    after = state_of(airflow_env), airflow_env.kubernetes.get("ConfigMap", "airflow-dags", airflow_env.namespace)
    assert after == before


def state_of(airflow_env: AirflowEnv) -> tuple[dict[str, str], list[str]]:
    """Return the components' pods with their UIDs, and the revisions of the Helm release."""
    pods = airflow_env.kubernetes.list("Pod", airflow_env.namespace, label_selector="kubernetes_executor!=True")
    revisions = airflow_env.kubernetes.list("Secret", airflow_env.namespace, label_selector="owner=helm")
    return (
        {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods},
        sorted(secret["metadata"]["name"] for secret in revisions),
    )
