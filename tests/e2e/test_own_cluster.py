"""An environment on a cluster that is there: this one, by a context that has the publisher's rights alone."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness import AirflowEnv, UsageError

from .conftest import DeliveredDags
from .dag_texts import say
from .inside import KUBECTL, Environment, KubernetesError, Parts, Settings, read_credentials, remove_gates

pytestmark = pytest.mark.timeout(240, func_only=True)

ACCOUNT = "airflow-dags-publisher"


def kubectl(env: AirflowEnv, *words: str) -> str:
    return env.docker.exec(env.control_plane, *KUBECTL, "-n", env.namespace, *words)


@pytest.fixture
def staging(
    airflow_env: AirflowEnv, delivered_dags: DeliveredDags, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Environment]:
    """Yield the environment as a publisher has it; afterwards the cluster has the tests' DAGs again."""
    config = yaml.safe_load(airflow_env.settings.kubeconfig.read_text())
    user = {"name": "publisher", "user": {"token": kubectl(airflow_env, "create", "token", ACCOUNT).strip()}}
    context = {"name": "publisher", "context": {"cluster": config["clusters"][0]["name"], "user": "publisher"}}
    kubeconfig = tmp_path / "team.yaml"
    kubeconfig.write_text(yaml.safe_dump({**config, "users": [user], "contexts": [context], "current-context": ""}))
    login = read_credentials(airflow_env.kubernetes, airflow_env.settings)
    monkeypatch.setenv("HARNESS_AIRFLOW_USERNAME", login.username)
    monkeypatch.setenv("HARNESS_AIRFLOW_PASSWORD", login.password)
    settings = Settings(
        project=tmp_path,
        state=airflow_env.settings.state,
        name=f"{airflow_env.settings.name[:12]}-staging",
        context="publisher",
        kubeconfig=kubeconfig,
        values=airflow_env.settings.values_files,
        dags_bundle=delivered_dags.name,
    )
    made = Environment(Parts(settings))
    yield made
    made.parts.port_forward.close()
    made.parts.airflow.close()
    remove_gates(airflow_env.docker, settings.name)
    delivered_dags.sync()


def test_publisher_delivers_by_the_kubernetes_api_alone(airflow_env: AirflowEnv, staging: Environment) -> None:
    dag_id = f"e2e_staging_{uuid.uuid4().hex[:8]}"
    staging.settings.dags_folder.mkdir()
    (staging.settings.dags_folder / f"{dag_id}.py").write_text(say(dag_id, "from staging"))
    assert f"{dag_id}.py" in staging.parts.dags.sync(force=True).change.added
    assert airflow_env.airflow.dag(dag_id) is not None
    assert staging.parts.dags.compare() == "same"

    for refused in (staging.up, staging.down):
        with pytest.raises(UsageError, match="on a cluster that is there: context `publisher`"):
            refused(NoReporter())
    for secret in (staging.settings.login_secret, staging.settings.variables_secret):
        with pytest.raises(KubernetesError, match="403 Forbidden"):
            staging.parts.kubernetes.get("Secret", secret, airflow_env.namespace)


class NoReporter:
    """Is told of no step."""

    def started(self, name: str) -> None:
        raise AssertionError(name)

    def said(self, text: str) -> None:
        raise AssertionError(text)

    def ended(self, name: str, outcome: str, seconds: float) -> None:
        raise AssertionError(name, outcome, seconds)
