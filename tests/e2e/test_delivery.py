"""`make dags`: an edit is live in seconds, and nothing but the DAGs changes."""

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import AirflowEnv

from .conftest import DeliveredDags
from .dag_texts import say
from .inside import FLAT_LIMIT_BYTES, LIMIT_BYTES, DriftError, RefusedError, Result, pack, run

pytestmark = pytest.mark.timeout(240, func_only=True)


@pytest.fixture(params=["e2e", "e2e-plain"])
def delivered(
    airflow_env: AirflowEnv,
    delivered_dags: DeliveredDags,
    request: pytest.FixtureRequest,
) -> Iterator[DeliveredDags]:
    """Bring folders to a bundle with versions and to one without; afterwards each holds what it held before."""
    found = DeliveredDags(airflow_env.environment.parts, request.param)
    yield found
    if found.name == delivered_dags.name:
        delivered_dags.sync()
    else:
        found.bundle.remove()


def test_sync_changes_dags_and_touches_no_pod_and_no_release(
    airflow_env: AirflowEnv, delivered: DeliveredDags, tmp_path: Path
) -> None:
    before = state_of(airflow_env)
    kept, dag_id = (f"e2e_{word}_{uuid.uuid4().hex[:8]}" for word in ("kept", "new"))
    (tmp_path / f"{kept}.py").write_text(say(kept, "kept"))
    delivered.sync(tmp_path)
    file = tmp_path / f"{dag_id}.py"

    file.write_text(say(dag_id, "old"))
    assert delivered.sync(tmp_path).change.added == (file.name,)
    assert airflow_env.airflow.dag(dag_id) is not None

    file.write_text(say(dag_id, "new"))
    assert delivered.sync(tmp_path).change.changed == (file.name,)
    assert '"new"' in (airflow_env.airflow.dag_source(dag_id) or "")

    file.unlink()
    assert delivered.sync(tmp_path).change.removed == (file.name,)
    gone = airflow_env.airflow.dag(dag_id)
    assert gone is None or gone.is_stale

    assert state_of(airflow_env) == before


def test_foreign_edit_is_seen_and_overwritten_only_by_force(
    airflow_env: AirflowEnv, delivered: DeliveredDags, tmp_path: Path
) -> None:
    dag_id = f"e2e_drift_{uuid.uuid4().hex[:8]}"
    (tmp_path / f"{dag_id}.py").write_text(say(dag_id, "ours"))
    delivered.sync(tmp_path)
    target = delivered.bundle.target
    name, namespace = target.config_map, target.namespace
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}
    airflow_env.kubernetes.apply({**theirs, "data": {"theirs.txt": "x"}}, field_manager="e2e-somebody-else")

    with pytest.raises(DriftError, match=f"ConfigMap {name} in {namespace} was changed by somebody else"):
        delivered.sync(tmp_path, force=False)
    edited = airflow_env.kubernetes.get("ConfigMap", name, namespace)
    assert edited is not None
    assert edited["data"]["theirs.txt"] == "x"

    # The other manager lets go of its key, which a server-side apply of ours would leave to it.
    airflow_env.kubernetes.apply({**theirs, "data": {}}, field_manager="e2e-somebody-else")
    delivered.sync(tmp_path)
    with_force = airflow_env.kubernetes.get("ConfigMap", name, namespace)
    assert with_force is not None
    assert "theirs.txt" not in with_force["data"]


def test_sync_of_the_same_folder_changes_nothing(airflow_env: AirflowEnv, delivered_dags: DeliveredDags) -> None:
    target = delivered_dags.bundle.target
    before = airflow_env.kubernetes.get("ConfigMap", target.config_map, target.namespace)
    assert delivered_dags.sync(force=False).change.is_empty
    assert airflow_env.kubernetes.get("ConfigMap", target.config_map, target.namespace) == before


def test_folder_over_the_limit_is_refused_and_nothing_changes(airflow_env: AirflowEnv, tmp_path: Path) -> None:
    (tmp_path / "big.py").write_text("#" * (LIMIT_BYTES + 1))
    before = state_of(airflow_env), airflow_env.kubernetes.get("ConfigMap", "airflow-dags", airflow_env.namespace)

    result = sync_by_command(airflow_env, tmp_path)

    said = " ".join((result.stdout + result.stderr).split())
    assert result.returncode == 2, said
    assert f"the folder has {LIMIT_BYTES + 1} bytes, at most {LIMIT_BYTES} can be delivered" in said
    assert "use Airflow's GitDagBundle" in said
    after = state_of(airflow_env), airflow_env.kubernetes.get("ConfigMap", "airflow-dags", airflow_env.namespace)
    assert after == before


def test_a_flat_mount_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    (tmp_path / "big.py").write_text("#" * (FLAT_LIMIT_BYTES + 1))
    with pytest.raises(RefusedError, match=f"at most {FLAT_LIMIT_BYTES} can be delivered"):
        pack(tmp_path, is_flat=True)


def sync_by_command(airflow_env: AirflowEnv, folder: Path) -> Result:
    """Run `harness dags sync` of another folder."""
    return run(
        [str(Path(sys.executable).with_name("harness")), "dags", "sync"],
        env={"HARNESS_NAME": airflow_env.settings.name, "HARNESS_DAGS": str(folder)},
        cwd=airflow_env.settings.project,
        timeout_s=60,
        check=False,
    )


def state_of(airflow_env: AirflowEnv) -> tuple[dict[str, str], list[str]]:
    """Return the components' pods with their UIDs, and the revisions of the Helm release."""
    pods = airflow_env.kubernetes.list("Pod", airflow_env.namespace, label_selector="kubernetes_executor!=True")
    revisions = airflow_env.kubernetes.list("Secret", airflow_env.namespace, label_selector="owner=helm")
    return (
        {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods},
        sorted(secret["metadata"]["name"] for secret in revisions),
    )
