"""The overlay with two of each server: a drain takes one at a time, and neither requests nor tasks notice."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus

import pytest

from harness import AirflowEnv, KubernetesError, NotYet, Runs, wait_until
from harness.faults import list_component_pods

from .checks import at_work
from .components import ask_as_a_worker, wait_until_idle
from .inside import Json, Objects, is_ready, not_available, not_yet
from .releases import put_for_a_while

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600, func_only=True)]

SERVERS = {
    "scheduler": "scheduler",
    "api-server": "apiServer",
    "dag-processor": "dagProcessor",
    "triggerer": "triggerer",
}
# Two of each beside each other: the overlay for kind leaves room for one.
SMALL = {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "2Gi"}}
TWO = 2
MANY = 50
TASKS = 10
WORK_S = 90


@pytest.fixture(scope="module")
def two_of_each(airflow_env: AirflowEnv) -> Iterator[AirflowEnv]:
    """Add the overlay; afterwards the environment is as it was."""
    wait_until_idle(airflow_env)
    settings, own = airflow_env.settings, airflow_env.environment.parts.release.values()
    small: Json = {name: {**own.get(name, {}), "resources": SMALL} for name in SERVERS.values()}
    overlays = [*settings.values_files, settings.project / "helm/values/ha.yaml"]
    with put_for_a_while(airflow_env, small, overlays=overlays):
        yield airflow_env


def test_drain_takes_one_at_a_time_and_harms_no_request_or_task(two_of_each: AirflowEnv, runs: Runs) -> None:
    env, kubernetes = two_of_each, two_of_each.kubernetes
    run = runs.start("e2e_many_tasks", {"tasks": TASKS, "seconds": WORK_S})
    uids = wait_until(f"{TASKS} tasks at work", lambda: at_work(run, "work", TASKS), timeout_s=120)
    answers: list[str] = []
    evicted: set[str] = set()

    def probe() -> bool | NotYet:
        answers.append(ask_as_a_worker(env))
        pods = kubernetes.list("Pod", env.namespace)
        late = [pod["metadata"]["name"] for pod in pods if pod["metadata"]["uid"] in evicted]
        late += not_available(kubernetes, env.settings)
        return not_yet(late) if late else True

    for component in SERVERS:
        first, second = two_that_serve(env, component)
        evict(env, first)
        evicted.add(first["metadata"]["uid"])
        with pytest.raises(KubernetesError) as refused:
            evict(env, second)
        assert refused.value.status == HTTPStatus.TOO_MANY_REQUESTS
        assert "disruption budget" in str(refused.value)
    wait_until("two of each again", probe, timeout_s=120, interval_s=0.05)

    assert len(answers) > MANY
    assert [answer for answer in answers if answer] == []
    run.wait(timeout_s=180)
    run.check({"numbers": 1} | {f"work[{index}]": 1 for index in range(TASKS)})
    assert {pod.uid for pod in run.pods if pod.key.task_id == "work"} == uids


def test_a_scheduler_that_is_killed_is_not_missed(two_of_each: AirflowEnv, runs: Runs) -> None:
    env, kubernetes = two_of_each, two_of_each.kubernetes
    killed, other = two_that_serve(env, "scheduler")
    metadata = killed["metadata"]
    kubernetes.delete("Pod", metadata["name"], env.namespace, grace_period_s=0, uid=metadata["uid"])
    run = runs.start("e2e_chain")

    def replaced() -> Json | NotYet:
        known = {metadata["uid"], other["metadata"]["uid"]}
        pods = list_component_pods(kubernetes, env.namespace, "scheduler")
        new = [pod for pod in pods if pod["metadata"]["uid"] not in known and is_ready(pod)]
        return new[0] if new else NotYet(f"{len(pods)} schedulers")

    next_one = wait_until("the next scheduler", replaced, timeout_s=120)
    run.wait(timeout_s=120)
    run.check(dict.fromkeys(("first", "second", "third"), 1))
    # The other went on: a pod was there before the next one could make any.
    assert min(pod.created for pod in run.pods) < ready_since(next_one)


def two_that_serve(env: AirflowEnv, component: str) -> Objects:
    """Return the two pods of a component, once what went before them is gone."""

    def probe() -> Objects | NotYet:
        pods = list_component_pods(env.kubernetes, env.namespace, component)
        serving = [pod for pod in pods if is_ready(pod) and not pod["metadata"].get("deletionTimestamp")]
        return serving if len(serving) == len(pods) == TWO else NotYet(f"{len(serving)} of {len(pods)} serve")

    return wait_until(f"two of {component}", probe, timeout_s=120)


def evict(env: AirflowEnv, pod: Json) -> None:
    metadata = pod["metadata"]
    env.kubernetes.evict(metadata["name"], env.namespace, uid=metadata["uid"])


def ready_since(pod: Json) -> datetime:
    """Return when the pod became ready."""
    (condition,) = [one for one in pod["status"]["conditions"] if one["type"] == "Ready"]
    return datetime.fromisoformat(condition["lastTransitionTime"])
