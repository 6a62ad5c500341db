"""A burst of many more tasks than the cluster has room for: it takes its time, and harms nothing.

On two cores: the rate is that of the cores, and `parallelism` keeps the rest of the tasks waiting in Airflow.
"""

from collections.abc import Callable

import pytest

from harness import AirflowEnv, PodRecorder, Runs
from support.times import utc_now

from .components import answers_since, containers, failed_probes_since, wait_until_idle

PER_TASK_S = 6
SPARE_S = 120
WORK_S = 1


@pytest.mark.timeout(1800, func_only=True)
@pytest.mark.slow
@pytest.mark.parametrize("tasks", [100, 200])
def test_every_task_of_a_burst_succeeds_and_components_stay_well(
    airflow_env: AirflowEnv,
    runs: Runs,
    recorder: PodRecorder,
    record_property: Callable[[str, object], None],
    tasks: int,
) -> None:
    wait_until_idle(airflow_env)
    before, begun = containers(airflow_env), utc_now()
    run = runs.run("e2e_many_tasks", {"tasks": tasks, "seconds": WORK_S}, timeout_s=tasks * PER_TASK_S + SPARE_S)
    wait_until_idle(airflow_env)
    took_s = (utc_now() - begun).total_seconds()

    answers = answers_since(airflow_env, begun)
    record_property("tasks a minute", round(60 * tasks / took_s, 1))
    record_property("answers of the API", f"{len(answers)}, {sum(answer.is_good for answer in answers)} of them 2xx")

    run.check({"numbers": 1} | {f"work[{index}]": 1 for index in range(tasks)})
    assert containers(airflow_env) == before, "a container restarted, or a pod was replaced"
    # Each try begins with a request, and each pod has Events: so the log and the Events of the time are all there.
    assert sum(answer.starts_task and answer.is_good for answer in answers) == tasks + 1
    assert [answer.line for answer in answers if answer.is_failure] == []
    uids = {event.about_uid for event in recorder.events() if event.reason == "Started"}
    assert {pod.uid for pod in run.pods} <= uids
    assert [event.line for event in failed_probes_since(airflow_env, recorder, begun)] == []
