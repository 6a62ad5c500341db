"""What a run's pods and tries must look like.

Pure functions over a recording and Airflow's own account: `pods` are all worker pods of one run, `tries` all its
tries. Each raises AssertionError with what was expected, what was seen, and the story of the run.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from harness.observe.pods import WorkerPod
from harness.observe.story import tell_story
from harness.tools.airflow_records import TaskInstance, TaskKey


def expect_one_pod_per_try(pods: Sequence[WorkerPod], tries: Sequence[TaskInstance]) -> None:
    """Check that every try of every task ran in one pod of its own, and that there was no other pod.

    Holds while `[kubernetes_executor] pod_launch_failure_retries` has nothing to do: a pod that dies before its task
    starts is replaced without a new try.
    """
    wanted = Counter(ti.key for ti in tries)
    seen = Counter(pod.key for pod in pods)
    if wanted != seen:
        _fail(
            "one pod for each try of each task",
            f"without a pod: {_names(wanted - seen)}; pods too many: {_names(seen - wanted)}",
            pods,
            tries,
        )
    uids = Counter(pod.uid for pod in pods)
    if len(uids) != len(pods):
        _fail("a UID of its own for each pod", f"shared: {[uid for uid, n in uids.items() if n > 1]}", pods, tries)


def expect_hostnames(pods: Sequence[WorkerPod], tries: Sequence[TaskInstance]) -> None:
    """Check that each try ran, by its own account, in the pod that was made for it."""
    names = {pod.key: pod.name for pod in pods}
    wrong = [
        f"{ti.key} says {ti.hostname or 'nothing'}, its pod is {names.get(ti.key, 'not there')}"
        for ti in tries
        if ti.hostname != names.get(ti.key)
    ]
    if wrong:
        _fail("the try's hostname is its pod's name", "; ".join(wrong), pods, tries)


def expect_tries(tries: Sequence[TaskInstance], wanted: Mapping[str, int], pods: Sequence[WorkerPod] = ()) -> None:
    """Check that each task, by its `task` or `task[map index]`, had so many tries, and that there was no other."""
    seen = Counter(ti.label for ti in tries)
    if seen != Counter(wanted):
        _fail(f"tries {dict(wanted)}", f"{dict(seen)}", pods, tries)


def expect_all_succeeded(tries: Sequence[TaskInstance], pods: Sequence[WorkerPod] = ()) -> None:
    """Check that the last try of each task succeeded."""
    last = {ti.label: ti.state for ti in sorted(tries, key=lambda ti: ti.try_number)}
    wrong = {label: state for label, state in last.items() if state != "success"}
    if wrong or not last:
        _fail("every task ends in success", f"{wrong or 'no task at all'}", pods, tries)


def expect_retry_delay(
    pods: Sequence[WorkerPod], tries: Sequence[TaskInstance], *, task_id: str, delay_s: float
) -> None:
    """Check that the second try's pod was not made before the first try's end plus the delay."""
    first = next((ti for ti in tries if ti.task_id == task_id and ti.try_number == 1), None)
    second = next((pod for pod in pods if pod.key.task_id == task_id and pod.key.try_number == 2), None)  # noqa: PLR2004
    if first is None or first.end is None or second is None:
        _fail(f"a first try of {task_id} that ended and a second pod", f"{first}, {second}", pods, tries)
        return
    # The API server cuts creation times to whole seconds, so the bound must be cut as well.
    earliest = (first.end + timedelta(seconds=delay_s)).replace(microsecond=0)
    if second.created < earliest:
        _fail(f"the second pod of {task_id} not before {earliest}", f"made at {second.created}", pods, tries)


def expect_retried_within(
    pods: Sequence[WorkerPod], tries: Sequence[TaskInstance], *, task_id: str, limit_s: float
) -> None:
    """Check that the task's second pod is another one than its first, made soon after that one's end."""
    own = {pod.key.try_number: pod for pod in pods if pod.key.task_id == task_id}
    first, second = own.get(1), own.get(2)
    if first is None or first.ended is None or second is None or first.uid == second.uid:
        _fail(f"a first pod of {task_id} that ended, and a second one", f"{first}, {second}", pods, tries)
        return
    passed_s = (second.created - first.ended).total_seconds()
    if passed_s > limit_s:
        _fail(f"a new pod for {task_id} within {limit_s:.0f} s", f"it came after {passed_s:.0f} s", pods, tries)


def expect_witness(
    pods: Sequence[WorkerPod], tries: Sequence[TaskInstance], *, witness: TaskInstance, victim: WorkerPod
) -> None:
    """Check that the witness ran when the victim's pod ended; else its health proves nothing."""
    end = victim.ended
    if end is None or witness.start is None or witness.end is None or not witness.start < end < witness.end:
        seen = f"the victim ended at {end}, the witness ran from {witness.start} to {witness.end}"
        _fail(f"{witness.label} running when {victim.key} ended", seen, pods, tries)


def expect_untouched(
    pods: Sequence[WorkerPod], tries: Sequence[TaskInstance], *, uids: Collection[str], task_id: str = ""
) -> None:
    """Check that the run, or its one task, succeeded on first tries in the pods with these UIDs and in no other."""
    own_pods = [pod for pod in pods if task_id in ("", pod.key.task_id)]
    own_tries = [ti for ti in tries if task_id in ("", ti.task_id)]
    if not own_tries or any(ti.try_number != 1 or ti.state != "success" for ti in own_tries):
        outcome = [f"{ti.key}: {ti.state}" for ti in own_tries]
        _fail("bystanders succeed on their first try", f"{outcome or 'no try at all'}", pods, tries)
    if {pod.uid for pod in own_pods} != set(uids) or not uids:
        _fail(f"bystanders stay in pods {sorted(uids)}", f"{sorted(pod.uid for pod in own_pods)}", pods, tries)


def expect_makespan(
    pods: Sequence[WorkerPod], tries: Sequence[TaskInstance], *, quiet_s: float, factor: float = 1.5
) -> None:
    """Check that the run took, from its first task's schedule to its last one's end, little longer than a quiet one."""
    seen_s = makespan_s(tries)
    if seen_s is None or seen_s > quiet_s * factor:
        seen = "it has no end" if seen_s is None else f"{seen_s:.0f} s"
        _fail(f"a makespan within {factor} times the quiet {quiet_s:.0f} s", seen, pods, tries)


def makespan_s(tries: Iterable[TaskInstance]) -> float | None:
    """Return the seconds from the first task's schedule to the last one's end, None when a try has no end."""
    spans = [(ti.scheduled or ti.start, ti.end) for ti in tries]
    begins, ends = [begin for begin, _ in spans if begin], [end for _, end in spans if end]
    if not begins or len(ends) != len(spans):
        return None
    return (max(ends) - min(begins)).total_seconds()


def expect_nothing_left(pods: Iterable[WorkerPod]) -> None:
    """Check that no worker pod is pending or running."""
    pods = list(pods)
    left = [f"{pod.name} ({pod.key}): {pod.phase}" for pod in pods if not pod.is_over]
    if left:
        _fail("nothing left running", "; ".join(left), pods, ())


def _names(keys: Counter[TaskKey]) -> str:
    return ", ".join(sorted(map(str, keys.elements()))) or "none"


def _fail(expected: str, seen: str, pods: Iterable[WorkerPod], tries: Iterable[TaskInstance]) -> None:
    raise AssertionError(f"expected: {expected}\nseen: {seen}\nwhat happened:\n{tell_story(pods, tries)}")
