"""The NetworkPolicies where they are enforced: what Airflow needs goes through, and nothing else does."""

from collections.abc import Iterator

import pytest

from harness import AirflowEnv, NotYet, Runs, wait_until
from harness.faults import list_component_pods

from .components import wait_until_idle
from .enforcer import enforcing
from .inside import KUBECTL, Json, is_ready, not_yet
from .releases import put_for_a_while
from .scraping import finished, scrape, wait_until_counted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600, func_only=True)]

PORTS = {"api-server": 8080, "postgresql": 5432, "triggerer": 8794, "metrics": 9102}
SOURCES = ("worker", "setup", "stranger")
ALL = {(source, target) for source in SOURCES for target in PORTS}
NEEDED = {("worker", "api-server"), ("setup", "postgresql")}
# Prints the names that answer, of NAME=ADDRESS=PORT.
CONNECT = """
import socket, sys
for word in sys.argv[1:]:
    name, address, port = word.split("=")
    try:
        socket.create_connection((address, int(port)), timeout=2).close()
    except OSError:
        continue
    print(name)
"""

Flows = set[tuple[str, str]]


@pytest.fixture(scope="module")
def probes(airflow_env: AirflowEnv) -> Iterator[AirflowEnv]:
    """Enforce policies, and have a pod with the labels of each source."""
    wait_until_idle(airflow_env)
    with enforcing(airflow_env):
        try:
            for source in SOURCES:
                airflow_env.kubernetes.apply(pod_like(airflow_env, source))
            wait_until("the pods that connect", lambda: all_ready(airflow_env), timeout_s=60)
            yield airflow_env
        finally:
            for source in SOURCES:
                airflow_env.kubernetes.delete("Pod", name_of(source), airflow_env.namespace, grace_period_s=0)


@pytest.fixture
def policies(probes: AirflowEnv) -> Iterator[None]:
    """Turn the chart's policies on; afterwards the environment is as it was."""
    environment = probes.environment
    node = environment.parts.docker.inspect(probes.control_plane)
    browser = node["NetworkSettings"]["Networks"][environment.parts.cluster.name]["Gateway"]
    on = {"enabled": True, "clients": [{"ipBlock": {"cidr": f"{browser}/32"}}]}
    with put_for_a_while(probes, {"networkPolicies": on}):
        yield


def test_without_policies_everything_goes_through(probes: AirflowEnv) -> None:
    wait_until("all flows", lambda: are(probes, ALL), timeout_s=90)


@pytest.mark.usefixtures("policies")
def test_with_them_airflow_works_and_nothing_else_goes_through(probes: AirflowEnv, runs: Runs) -> None:
    wait_until("the flows that Airflow needs", lambda: are(probes, NEEDED), timeout_s=90)
    wanted = {"dag_id": "e2e_chain", "state": "success"}
    before = finished(scrape(probes), **wanted)
    tasks = ("first", "second", "third")
    runs.run("e2e_chain", timeout_s=180).check(dict.fromkeys(tasks, 1))
    wait_until_counted(probes, before + len(tasks), **wanted)
    deferred = runs.run("e2e_deferred", timeout_s=180)
    assert deferred.state == "success", deferred.timeline
    assert flows(probes) == NEEDED


def all_ready(env: AirflowEnv) -> bool | NotYet:
    pods = [env.kubernetes.get("Pod", name_of(source), env.namespace) for source in SOURCES]
    late = [name_of(source) for source, pod in zip(SOURCES, pods, strict=True) if not (pod and is_ready(pod))]
    return not_yet(late) if late else True


def are(env: AirflowEnv, wanted: Flows) -> bool | NotYet:
    seen = flows(env)
    return True if seen == wanted else NotYet(f"beyond: {sorted(seen - wanted)}, missing: {sorted(wanted - seen)}")


def flows(env: AirflowEnv) -> Flows:
    """Return which pods of ours reach which component, by the address of its pod."""
    docker, into = env.docker, (env.control_plane, *KUBECTL, "--namespace", env.namespace)
    targets = []
    for component, port in PORTS.items():
        pods = list_component_pods(env.kubernetes, env.namespace, component)
        # One of an earlier rollout may be on its way out.
        (pod,) = (pod for pod in pods if not pod["metadata"].get("deletionTimestamp"))
        targets.append(f"{component}={pod['status']['podIP']}={port}")
    return {
        (source, target)
        for source in SOURCES
        for target in docker.exec(*into, "exec", name_of(source), "--", "python", "-c", CONNECT, *targets).split()
    }


def pod_like(env: AirflowEnv, source: str) -> Json:
    """Return a pod with the labels of a component, by which a policy knows it; a stranger has none of ours."""
    labels = {"app.kubernetes.io/name": "airflow", "app.kubernetes.io/instance": env.settings.release}
    is_ours = source != "stranger"
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "main",
        "image": env.environment.parts.images.airflow,
        "command": ["sleep", "3600"],
        "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}},
        "securityContext": {**context, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    metadata = {
        "name": name_of(source),
        "namespace": env.namespace,
        "labels": {**labels, "app.kubernetes.io/component": source} if is_ours else {"app": source},
    }
    spec = {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def name_of(source: str) -> str:
    return f"e2e-like-{source}"
