"""A rollout of the API server, as each upgrade makes one, is nothing that its clients notice."""

import pytest

from harness import AirflowEnv, NotYet, wait_until
from harness.faults import list_component_pods
from support.times import utc_now

from .components import ask_as_a_worker
from .inside import is_ready

DEPLOYMENT = "airflow-api-server"
MANY = 50


@pytest.mark.timeout(240, func_only=True)
def test_no_request_fails_while_the_api_server_is_replaced(airflow_env: AirflowEnv) -> None:
    kubernetes, namespace = airflow_env.kubernetes, airflow_env.namespace
    before = {pod["metadata"]["uid"] for pod in list_component_pods(kubernetes, namespace, "api-server")}
    answers: list[str] = []

    def probe() -> bool | NotYet:
        answers.append(ask_as_a_worker(airflow_env))
        pods = list_component_pods(kubernetes, namespace, "api-server")
        left = [pod["metadata"]["name"] for pod in pods if pod["metadata"]["uid"] in before or not is_ready(pod)]
        return NotYet(f"{', '.join(left)} is there") if left else True

    annotation = {"kubectl.kubernetes.io/restartedAt": utc_now().isoformat()}
    changes = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
    kubernetes.merge("Deployment", DEPLOYMENT, namespace, changes)
    wait_until("the new API server alone", probe, timeout_s=180, interval_s=0.05)

    assert len(answers) > MANY
    assert [answer for answer in answers if answer] == []
