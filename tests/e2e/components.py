"""What a test looks at of Airflow's components to say that they stood firm."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

import httpx2

from harness import AirflowEnv, NotYet, PodRecorder, wait_until
from support.access_log import Answer, parse_access_log

from .inside import WORKER_SELECTOR, ClusterEvent, Objects, not_yet

IDLE_S = 60
WORKER_TIMEOUT_S = 5  # of a worker: [workers] execution_api_timeout
FAILED_PROBE = "Unhealthy"

# (pod, UID, container) -> how often it has been restarted.
Containers = Mapping[tuple[str, str, str], int]


def component_pods(env: AirflowEnv) -> Objects:
    """Return the pods that serve; the setup Job's has ended."""
    selector = "kubernetes_executor!=True"
    return env.kubernetes.list("Pod", env.namespace, label_selector=selector, field_selector="status.phase=Running")


def containers(env: AirflowEnv) -> Containers:
    """Return every container of every component, sidecars too, with its restarts."""
    return {
        (pod["metadata"]["name"], pod["metadata"]["uid"], status["name"]): status["restartCount"]
        for pod in component_pods(env)
        for field in ("initContainerStatuses", "containerStatuses")
        for status in pod["status"].get(field, [])
    }


def answers_since(env: AirflowEnv, since: datetime) -> list[Answer]:
    """Return what the API servers answered, by their own access logs."""
    return [
        answer
        for pod in env.kubernetes.list("Pod", env.namespace, label_selector="app.kubernetes.io/component=api-server")
        for answer in parse_access_log(
            env.kubernetes.pod_log(pod["metadata"]["name"], env.namespace, container="api-server", timestamps=True)
        )
        if answer.when >= since
    ]


def failed_probes_since(env: AirflowEnv, recorder: PodRecorder, since: datetime) -> list[ClusterEvent]:
    """Return the probes of the components that failed; Events have whole seconds."""
    uids = {pod["metadata"]["uid"] for pod in component_pods(env)}
    whole = since.replace(microsecond=0)
    return [
        event
        for event in recorder.events()
        if event.reason == FAILED_PROBE and event.about_uid in uids and event.last > whole
    ]


def ask_as_a_worker(env: AirflowEnv) -> str:
    """Ask the API of the workers on a new connection, and return what went wrong."""
    try:
        status = httpx2.get(f"{env.settings.url}/execution/health", timeout=WORKER_TIMEOUT_S).status_code
    except httpx2.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return "" if status == HTTPStatus.OK else str(status)


def wait_until_idle(env: AirflowEnv) -> None:
    """Wait until there is no worker pod, also none that has ended."""

    def probe() -> bool | NotYet:
        pods = env.kubernetes.list("Pod", env.namespace, label_selector=WORKER_SELECTOR)
        return not_yet([pod["metadata"]["name"] for pod in pods]) if pods else True

    wait_until("no worker pod", probe, timeout_s=IDLE_S)
