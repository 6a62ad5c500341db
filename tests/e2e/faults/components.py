"""What must be true of the components after each of their faults."""

from datetime import datetime

from harness import AirflowEnv, NotYet, Run, WorkerPod, wait_until
from harness.faults import list_component_pods

from ..inside import release, wait_until_available


def restarts(env: AirflowEnv, component: str) -> dict[str, int]:
    """Return UID -> restarts of the component's pods."""
    return {
        pod["metadata"]["uid"]: sum(status["restartCount"] for status in pod["status"]["containerStatuses"])
        for pod in list_component_pods(env.kubernetes, env.namespace, component)
    }


def ends(env: AirflowEnv, component: str, since: datetime, *, namespace: str = "") -> list[str]:
    """Return when containers of the component ended since then, by the kubelet."""
    pods = list_component_pods(env.kubernetes, namespace or env.namespace, component)
    statuses = [status for pod in pods for status in pod["status"]["containerStatuses"]]
    states = [status.get(key, {}).get("terminated") for status in statuses for key in ("state", "lastState")]
    times = [state["finishedAt"] for state in states if state]
    return [time for time in times if datetime.fromisoformat(time) >= since.replace(microsecond=0)]


def owner(env: AirflowEnv, pod: WorkerPod) -> str:
    """Return the id of the SchedulerJob that a worker pod belongs to, empty when the pod is gone."""
    found = env.kubernetes.get("Pod", pod.name, pod.namespace)
    return str(found["metadata"]["labels"]["airflow-worker"]) if found else ""


def check_unharmed(env: AirflowEnv, run: Run, pod: WorkerPod) -> None:
    """Check that the run of `e2e_bystander` ended well on try 1 in its pod, and that every component is there."""
    run.check({"wait": 1})
    run.expect_untouched(uids={pod.uid})
    check_available(env)


def check_available(env: AirflowEnv) -> None:
    """Check that every component is there, and that Airflow calls each healthy."""
    wait_until_available(env.kubernetes, env.settings, lambda _: None)
    release.wait_until_it_serves(env.airflow, env.settings, lambda _: None)


def wait_until_task_is(run: Run, state: str, *, task_id: str = "wait", timeout_s: float = 60) -> None:
    """Wait until Airflow has the task in this state."""

    def probe() -> bool | NotYet:
        states = {ti.task_id: ti.state for ti in run.task_instances}
        return True if states.get(task_id) == state else NotYet(f"tasks: {states}")

    wait_until(f"task {task_id} of run {run.run_id} {state}", probe, timeout_s=timeout_s)


def is_refused(env: AirflowEnv, run: Run, why: str) -> bool | NotYet:
    """Tell whether a task of the run is queued and the scheduler says why it was refused its pod."""
    states = [ti.state for ti in run.task_instances]
    (scheduler,) = list_component_pods(env.kubernetes, env.namespace, "scheduler")
    log = env.kubernetes.pod_log(scheduler["metadata"]["name"], env.namespace, container="scheduler", tail_lines=400)
    if "queued" in states and any(why in line and run.run_id in line for line in log.splitlines()):
        return True
    return NotYet(f"tasks: {states}")
