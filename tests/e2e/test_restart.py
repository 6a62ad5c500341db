"""What a restart leaves as it was: that of the nodes, which may have another address then, and that of the database."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness import AirflowApiError, AirflowEnv, NotYet, Run, Runs, wait_until
from harness.faults import delete_component

from .history import history_of
from .inside import Cluster, labels

pytestmark = pytest.mark.timeout(480, func_only=True)

BACK_WITHIN_S = 240
SQUATTERS = 8


def test_airflow_comes_back_when_its_node_has_another_address(airflow_env: AirflowEnv, runs: Runs) -> None:
    over = runs.run("e2e_raises_once", timeout_s=180)
    kept = history_of(over), logs_of(over)
    cluster = airflow_env.environment.parts.cluster
    node = cluster.node_names[0]
    before = address_of(cluster, node)
    cluster.docker.call("stop", node)
    with taken(cluster, before):
        cluster.docker.call("start", node)
    assert address_of(cluster, node) != before

    cluster.wait_until_ready(lambda _: None)
    wait_until("Airflow after the restart", lambda: health(airflow_env), timeout_s=BACK_WITHIN_S)
    assert (history_of(over), logs_of(over)) == kept
    run = runs.run("e2e_chain", timeout_s=180)
    run.check({"first": 1, "second": 1, "third": 1})


def test_history_is_the_same_when_the_database_has_another_pod(airflow_env: AirflowEnv, runs: Runs) -> None:
    over = runs.run("e2e_raises_once", timeout_s=180)
    kept = history_of(over)
    with delete_component(airflow_env.kubernetes, airflow_env.namespace, "postgresql", by_force=True):
        pass
    wait_until("Airflow after the database's death", lambda: health(airflow_env), timeout_s=BACK_WITHIN_S)
    assert history_of(over) == kept


def logs_of(run: Run) -> list[str]:
    """Return the log of each try of the task that failed once."""
    logs = [run.airflow.logs(run.dag_id, run.run_id, "flaky", number) for number in (1, 2)]
    assert "the first try fails" in logs[0]
    return logs


def address_of(cluster: Cluster, container: str) -> str:
    """Return a container's address on the cluster's network."""
    networks = cluster.docker.inspect(container)["NetworkSettings"]["Networks"]
    address: str = networks[cluster.name]["IPAddress"]
    return address


@contextmanager
def taken(cluster: Cluster, address: str) -> Iterator[None]:
    """Give `address` to another container: the engine deals out the lowest that are free."""
    names: list[str] = []
    try:
        while not names or address_of(cluster, names[-1]) != address:
            assert len(names) < SQUATTERS, f"the engine gave {address} to none of {SQUATTERS} containers"
            names.append(f"{cluster.name}-squatter-{len(names)}")
            cluster.docker.call(
                *("run", "--detach", "--name", names[-1], "--network", cluster.name),
                *labels.docker_flags(cluster.settings.name),
                *("--entrypoint", "sleep", cluster.images.node, "600"),
            )
        yield
    finally:
        for name in names:
            cluster.docker.call("rm", "--force", name)


def health(airflow_env: AirflowEnv) -> bool | NotYet:
    try:
        found = airflow_env.airflow.health()
    except AirflowApiError as error:
        return NotYet(str(error).splitlines()[0])
    return True if found.is_healthy else NotYet(", ".join(found.problems))
