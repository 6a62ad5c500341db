"""An upgrade from the last released chart, and the way back, while tasks run: neither takes a task's pod."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import AirflowEnv, Runs, wait_until
from support.times import utc_now

from .checks import at_work
from .components import wait_until_idle
from .inside import wait_until_available
from .releases import put, put_for_a_while

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900, func_only=True)]

# As `helm package` made it, and the overlay for kind that it had.
RELEASED = Path(__file__).parent / "released"
CHART, OVERLAY = RELEASED / "tools-0.2.0.tgz", RELEASED / "kind-0.2.0.yaml"
# What came after it, which its schema refuses.
NEWER_IMAGES = {"statsdExporter"}
TASKS = 20
# Longer than the start of 20 pods, an upgrade and a rollback take on two cores.
WORK_S = 240
START_S = 180
# Twenty of them, and a second API server while it rolls, find room on two cores.
SMALL_WORKERS = {"resources": {"requests": {"cpu": "1m"}}}


@pytest.fixture
def released(airflow_env: AirflowEnv) -> Iterator[int]:
    """Put the last released chart in place and yield its revision; afterwards the environment is as it was."""
    wait_until_idle(airflow_env)
    images = airflow_env.environment.parts.release.values()["images"]
    known = {name: image for name, image in images.items() if name not in NEWER_IMAGES}
    with put_for_a_while(airflow_env, {"images": known, "workers": SMALL_WORKERS}, chart=CHART, overlays=[OVERLAY]):
        yield revision(airflow_env)


def test_upgrade_and_rollback_take_no_pod_of_twenty_tasks(
    airflow_env: AirflowEnv, released: int, runs: Runs, record_property: Callable[[str, object], None]
) -> None:
    helm, settings = airflow_env.environment.parts.helm, airflow_env.settings
    run = runs.start("e2e_many_tasks", {"tasks": TASKS, "seconds": WORK_S})
    uids = wait_until(f"{TASKS} tasks at work", lambda: at_work(run, "work", TASKS), timeout_s=START_S)

    def check_change(name: str, change: Callable[[], None]) -> None:
        before, begun = revision(airflow_env), utc_now()
        change()
        wait_until_available(airflow_env.kubernetes, settings, lambda _: None)
        record_property(f"{name}, seconds", round((utc_now() - begun).total_seconds()))
        assert revision(airflow_env) == before + 1
        assert at_work(run, "work", TASKS) == uids, f"after the {name}:\n{run.timeline}"

    check_change("upgrade", lambda: put(airflow_env, {"workers": SMALL_WORKERS}))
    check_change("rollback", lambda: helm.rollback(settings.release, released, namespace=settings.namespace))
    run.wait(timeout_s=WORK_S + START_S)
    run.check({"numbers": 1} | {f"work[{index}]": 1 for index in range(TASKS)})
    assert {pod.uid for pod in run.pods if pod.key.task_id == "work"} == uids


def revision(env: AirflowEnv) -> int:
    """Return the release's newest revision, which is deployed."""
    status = env.environment.parts.helm.status(env.settings.release, namespace=env.namespace)
    assert status is not None
    assert status.status == "deployed"
    return status.revision
