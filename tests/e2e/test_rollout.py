"""A rollout of the API server, as each upgrade makes one, is nothing that its clients notice."""

from http import HTTPStatus

import httpx2
import pytest

from harness.faults.components import component_pods
from harness.observe.follower import utc_now
from harness.pytest_plugin import AirflowEnv
from harness.tools.k8s import is_ready
from harness.waiting import NotYet, wait_until

DEPLOYMENT = "airflow-api-server"
# Of a worker: [workers] execution_api_timeout.
PATIENCE_S = 5
MANY = 50


@pytest.mark.timeout(240, func_only=True)
def test_no_request_fails_while_the_api_server_is_replaced(airflow_env: AirflowEnv) -> None:
    kubernetes, namespace = airflow_env.kubernetes, airflow_env.namespace
    before = {pod["metadata"]["uid"] for pod in component_pods(kubernetes, namespace, "api-server")}
    answers: list[str] = []

    def probe() -> bool | NotYet:
        answers.append(ask(f"{airflow_env.settings.url}/execution/health"))
        pods = component_pods(kubernetes, namespace, "api-server")
        left = [pod["metadata"]["name"] for pod in pods if pod["metadata"]["uid"] in before or not is_ready(pod)]
        return NotYet(f"{', '.join(left)} is there") if left else True

    annotation = {"kubectl.kubernetes.io/restartedAt": utc_now().isoformat()}
    changes = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
    kubernetes.merge("Deployment", DEPLOYMENT, namespace, changes)
    wait_until("the new API server alone", probe, timeout_s=180, interval_s=0.05)

    assert len(answers) > MANY
    assert [answer for answer in answers if answer] == []


def ask(url: str) -> str:
    """Ask on a new connection, and return what went wrong."""
    try:
        status = httpx2.get(url, timeout=PATIENCE_S).status_code
    except httpx2.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return "" if status == HTTPStatus.OK else str(status)
