"""The rendering that Argo CD makes, over a running release: nothing rolls, and a second time changes nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness import AirflowEnv

from .inside import Json, Parts, run
from .throw_away import throw_away, values_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420, func_only=True)]

NAMESPACE = "tools-gitops"
NODE_PORT = 30083
DAG = Path(__file__).parents[2] / "dags/hello.py"
MANAGER = "--field-manager=gitops"
# As Argo CD applies: Kubernetes fills a StatefulSet's claims in, so that a list with the same text counts as another.
FORCE = "--force-conflicts"


@pytest.fixture(scope="module")
def rendering(airflow_env: AirflowEnv) -> Iterator[str]:
    """Install a release, and yield what `helm template --skip-tests` makes of the same values."""
    with throw_away(airflow_env, NAMESPACE, {}, [DAG], node_port=NODE_PORT):
        settings = airflow_env.settings.model_copy(update={"namespace": NAMESPACE, "release": NAMESPACE})
        text = Parts(settings).helm.template(
            settings.release,
            settings.chart_folder,
            namespace=NAMESPACE,
            values_files=settings.values_files,
            values=values_of(airflow_env, NODE_PORT),
        )
        objects = [one for one in yaml.safe_load_all(text) if one]
        yield yaml.safe_dump_all([one for one in objects if not is_hook(one)])


def is_hook(one: Json) -> bool:
    """Tell whether Helm would run an object at a time of its own."""
    return "helm.sh/hook" in one["metadata"].get("annotations", {})


def test_two_server_side_applies_roll_and_change_nothing(airflow_env: AirflowEnv, rendering: str) -> None:
    before = generations(airflow_env)
    assert len(before) > len(("api-server", "scheduler", "dag-processor", "triggerer"))
    for _ in range(2):
        kubectl(airflow_env, "apply", "--server-side", MANAGER, FORCE, "--filename", "-", stdin=rendering)
    assert kubectl(airflow_env, "diff", "--server-side", MANAGER, FORCE, "--filename", "-", stdin=rendering) == ""
    assert generations(airflow_env) == before
    assert not [one for one in yaml.safe_load_all(rendering) if one["kind"] == "Secret"]


def generations(env: AirflowEnv) -> dict[str, int]:
    """Return the generation of each Deployment and StatefulSet: another one is another rollout."""
    return {
        one["metadata"]["name"]: one["metadata"]["generation"]
        for kind in ("Deployment", "StatefulSet")
        for one in env.kubernetes.list(kind, NAMESPACE)
    }


def kubectl(env: AirflowEnv, *words: str, stdin: str) -> str:
    """Run the cluster's own kubectl; a failure, or a difference, ends the test with its output."""
    result = run([str(env.settings.folder / "kubectl"), *words], stdin=stdin, check=False, timeout_s=120)
    assert result.returncode == 0, f"{result.stdout}{result.stderr}"
    return result.stdout
