"""A rollout that cannot get ready stalls beside what is there: the old servers serve on, and tasks run."""

from collections.abc import Iterator

import pytest

from harness import AirflowEnv, NotYet, Runs, wait_until
from harness.faults import list_component_pods

from .components import wait_until_idle
from .inside import Json, Objects, is_ready, wait_until_available

pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(420, func_only=True)]

SERVERS = {
    "scheduler": "scheduler",
    "api-server": "apiServer",
    "dag-processor": "dagProcessor",
    "triggerer": "triggerer",
}
# The chart's own way, for which the overlay for kind leaves no room.
BESIDE: Json = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
SMALL: Json = {"requests": {"cpu": "10m", "memory": "128Mi"}, "limits": {"memory": "2Gi"}}
MISTYPED = "no-such-tag"


@pytest.fixture
def upgraded_to_a_mistyped_tag(airflow_env: AirflowEnv) -> Iterator[dict[str, str]]:
    """Upgrade to an image that is not there; yields the servers of before, and puts the release back."""
    env, parts = airflow_env, airflow_env.environment.parts
    wait_until_idle(env)
    own = parts.release.values()
    servers: Json = {name: {**own.get(name, {}), "strategy": BESIDE, "resources": SMALL} for name in SERVERS.values()}
    image = {**own["images"]["airflow"], "tag": MISTYPED, "digest": "", "pullPolicy": "Never"}
    before = {pod["metadata"]["uid"]: component for component in SERVERS for pod in pods_of(env, component)}
    try:
        parts.helm.upgrade(
            env.settings.release,
            env.settings.chart_folder,
            namespace=env.settings.namespace,
            values_files=env.settings.values_files,
            values={**own, **servers, "images": {**own["images"], "airflow": image}},
            description="a mistyped tag",
        )
        yield before
    finally:
        parts.release.install()
        wait_until_available(env.kubernetes, env.settings, lambda _: None)


def pods_of(env: AirflowEnv, component: str) -> Objects:
    """Return the pods of a component."""
    return list_component_pods(env.kubernetes, env.namespace, component)


def test_mistyped_tag_leaves_old_servers_and_tasks_at_work(
    airflow_env: AirflowEnv, runs: Runs, upgraded_to_a_mistyped_tag: dict[str, str]
) -> None:
    env, before = airflow_env, upgraded_to_a_mistyped_tag

    def probe() -> bool | NotYet:
        missing = [component for component in SERVERS if not has_stalled(pods_of(env, component))]
        return NotYet(f"no stalled pod of {', '.join(missing)}") if missing else True

    wait_until("a stalled pod of each server", probe, timeout_s=90)
    serving = {
        pod["metadata"]["uid"]: component for component in SERVERS for pod in pods_of(env, component) if is_ready(pod)
    }
    assert serving == before

    run = runs.run("hello", timeout_s=120)
    run.check({"greet": 1, "pass_on": 1, "receive": 1})
    assert [pod["metadata"]["uid"] for pod in pods_of(env, "scheduler") if is_ready(pod)] == [
        uid for uid, component in before.items() if component == "scheduler"
    ]


def has_stalled(pods: Objects) -> bool:
    """Tell whether one of these pods waits for an image that is not there."""
    statuses = [one for pod in pods for one in pod.get("status", {}).get("initContainerStatuses", [])]
    return any(one.get("state", {}).get("waiting", {}).get("reason") == "ErrImageNeverPull" for one in statuses)
