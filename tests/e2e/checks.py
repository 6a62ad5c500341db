"""What several tests look at of a run that goes on."""

from harness import NotYet, Run


def at_work(run: Run, task_id: str, count: int) -> set[str] | NotYet:
    """Return the UIDs of the pods when so many tasks run, by Airflow's account and by that of their pods."""
    tasks = [ti for ti in run.task_instances if ti.task_id == task_id and ti.state == "running"]
    pods = {pod.uid for pod in run.pods if pod.key.task_id == task_id and pod.phase == "Running"}
    return pods if len(tasks) == len(pods) == count else NotYet(f"{len(tasks)} tasks and {len(pods)} pods run")
