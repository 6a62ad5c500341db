"""What must be true after a fault: the victim was retried soon, and nobody else noticed."""

from harness import NotYet, Run, WorkerPod, wait_until

RETRIED_WITHIN_S = 60


def wait_for_first_line(run: Run) -> None:
    """Wait until the victim's first try has logged a line of its own.

    Before that a SIGTERM ends the task's process at once, and only the heartbeat that it misses tells Airflow. From
    then on the process leaves it to `on_kill`, and a Python task goes on until its grace is over (task-sdk 1.3.2,
    `execution_time/task_runner.py`, `_on_term`).
    """

    def probe() -> bool | NotYet:
        log = run.airflow.logs(run.dag_id, run.run_id, "victim", 1)
        return True if "at work" in log else NotYet(f"a log of {len(log)} characters")

    wait_until("the first line of the task's log", probe, timeout_s=30, clock=run.clock)


def noticed_by(run: Run) -> set[str]:
    """Return how Airflow noticed that a try was lost: `state mismatch` from its pod, or `heartbeat timeout`."""
    seen = {line.event for line in run.airflow.event_logs(run.dag_id, run.run_id)}
    return seen & {"state mismatch", "heartbeat timeout"}


def check_retried(run: Run, bystander: WorkerPod) -> None:
    """Check that the victim was retried soon, and that the bystander ran through it in the pod that it had before."""
    run.check({"victim": 2, "bystander": 1})
    victim = run.pod_of("victim")
    assert victim is not None
    run.expect_retried_within("victim", limit_s=RETRIED_WITHIN_S)
    run.expect_concurrent("bystander", victim=victim)
    run.expect_untouched("bystander", uids={bystander.uid})


def check_bystander_run(other: Run, pod: WorkerPod, *, quiet_s: float) -> None:
    """Check that a run of `e2e_bystander` ended on its first try, in its pod, and hardly later than a quiet one."""
    other.wait(timeout_s=90)
    other.check({"wait": 1})
    other.expect_untouched(uids={pod.uid})
    other.expect_makespan(quiet_s=quiet_s)
