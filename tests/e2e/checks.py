"""What must be true of every run."""

from harness.observe.expectations import (
    expect_all_succeeded,
    expect_hostnames,
    expect_nothing_left,
    expect_one_pod_per_try,
    expect_tries,
)
from harness.observe.runs import Run
from harness.waiting import NotYet


def at_work(run: Run, task_id: str, count: int) -> set[str] | NotYet:
    """Return the UIDs of the pods when so many tasks run, by Airflow's account and by that of their pods."""
    tasks = [ti for ti in run.task_instances if ti.task_id == task_id and ti.state == "running"]
    pods = {pod.uid for pod in run.pods if pod.key.task_id == task_id and pod.phase == "Running"}
    return pods if len(tasks) == len(pods) == count else NotYet(f"{len(tasks)} tasks and {len(pods)} pods run")


def check_run(run: Run, tries: dict[str, int]) -> None:
    """Check a run that ended: these tries and no others, a pod for each, success, and nothing left."""
    pods, seen = run.pods, run.tries
    expect_tries(seen, tries, pods)
    expect_one_pod_per_try(pods, seen)
    expect_hostnames(pods, seen)
    expect_all_succeeded(seen, pods)
    expect_nothing_left(pods)
    assert run.state == "success", run.story
