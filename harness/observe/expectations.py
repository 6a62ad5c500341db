"""What a run's pods and tries must look like, as Airflow means it.

Each expectation raises AssertionError with what was expected, what was seen, and the timeline of the run.

- A task that was skipped, or whose upstream failed, has try 0, which is no try.
- A try that was never queued, such as an EmptyOperator's, needs no pod.
- A try that was deferred or rescheduled goes on in another pod: Airflow's audit log names each that it began in.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

from harness.observe.duplicates import find_duplicates
from harness.observe.follower import Gap
from harness.observe.pods import WorkerPod
from harness.observe.timeline import write_timeline
from harness.tools.airflow_records import TaskInstance, TaskKey

# How a task ends that did what its DAG wants of it; a mapped task that there is no longer is removed.
GOOD_ENDS = frozenset({"success", "skipped", "removed"})


class Expectations:
    """The expectations of what `look` returns, which each of them asks for once."""

    def look(self) -> "Observation":
        """Return what there is to look at."""
        raise NotImplementedError

    def expect_tries(self, wanted: Mapping[str, int]) -> None:
        """Check that each task, by its `task` or `task[map index]`, had so many tries, and that there was no other."""
        observed = self.look()
        seen = Counter(ti.label for ti in observed.tries)
        if seen != Counter(wanted):
            observed.fail(f"tries {dict(wanted)}", f"{dict(seen)}")

    def expect_one_pod_per_try(self) -> None:
        """Check that every try of every task ran in one pod of its own, and that there was no other pod.

        A try that was deferred or rescheduled had a pod each time that it began, one after the other. Holds while
        `[kubernetes_executor] pod_launch_failure_retries` has nothing to do: a pod that dies before its task starts is
        replaced without a new try.
        """
        observed = self.look()
        wanted = Counter({ti.key: len(observed.starts.get(ti.key, ())) or 1 for ti in observed.tries if _needs_pod(ti)})
        seen = Counter(pod.key for pod in observed.pods)
        if wanted != seen:
            observed.fail(
                "one pod for each try of each task",
                f"without a pod: {_names(wanted - seen)}; pods too many: {_names(seen - wanted)}",
            )
        uids = Counter(pod.uid for pod in observed.pods)
        if len(uids) != len(observed.pods):
            observed.fail("a UID of its own for each pod", f"shared: {[uid for uid, n in uids.items() if n > 1]}")
        observed.expect_no_duplicates()

    def expect_no_duplicates(self) -> None:
        """Check that no two pods were at work on the same try at the same time."""
        observed = self.look()
        released = {name for hosts in observed.starts.values() for name in hosts[:-1]}
        if twice := find_duplicates(observed.pods, released=released):
            observed.fail("one pod at a time at work on a try", f"a second one: {', '.join(map(_name, twice))}")

    def expect_hostnames(self) -> None:
        """Check that each try ran, by what itself says, in the pod that was made for it."""
        observed = self.look()
        pods: dict[TaskKey, list[str]] = {}
        for pod in observed.pods:
            pods.setdefault(pod.key, []).append(pod.name)
        wrong = [
            f"{ti.key} says {', '.join(hosts) or 'nothing'}, its pod is {', '.join(pods.get(ti.key, ['not there']))}"
            for ti in observed.tries
            if _needs_pod(ti) and (not (hosts := observed.hosts(ti)) or hosts != pods.get(ti.key))
        ]
        if wrong:
            observed.fail("the try's hostname is its pod's name", "; ".join(wrong))

    def expect_success(self) -> None:
        """Check that each task succeeded with its last try, or was skipped."""
        observed = self.look()
        last = {ti.label: ti.state for ti in sorted(observed.instances, key=lambda ti: ti.try_number)}
        wrong = {label: state for label, state in last.items() if state not in GOOD_ENDS}
        if wrong or not last:
            observed.fail("every task ends in success", f"{wrong or 'no task at all'}")

    def expect_nothing_left(self) -> None:
        """Check that no worker pod is pending or running."""
        observed = self.look()
        left = [f"{_name(pod)}: {pod.phase}" for pod in observed.pods if not pod.is_over]
        if left:
            observed.fail("nothing left running", "; ".join(left))

    def expect_retry_delay(self, task_id: str, *, delay_s: float) -> None:
        """Check that the second try's pod was not made before the first try's end plus the delay."""
        observed = self.look()
        first = next((ti for ti in observed.tries if ti.task_id == task_id and ti.try_number == 1), None)
        second = next((pod for pod in observed.pods if (pod.key.task_id, pod.key.try_number) == (task_id, 2)), None)
        if first is None or first.end is None or second is None:
            observed.fail(f"a first try of {task_id} that ended and a second pod", f"{first}, {second}")
        # The API server cuts creation times to whole seconds, so the bound must be cut as well.
        earliest = (first.end + timedelta(seconds=delay_s)).replace(microsecond=0)
        if second.created < earliest:
            observed.fail(f"the second pod of {task_id} not before {earliest}", f"made at {second.created}")

    def expect_retried_within(self, task_id: str, *, limit_s: float) -> None:
        """Check that the task's second try has another pod than its first, made soon after that one's end."""
        observed = self.look()
        own = {pod.key.try_number: pod for pod in observed.pods if pod.key.task_id == task_id}
        first, second = own.get(1), own.get(2)
        if first is None or first.ended is None or second is None or first.uid == second.uid:
            observed.fail(f"a first pod of {task_id} that ended, and a second one", f"{first}, {second}")
        passed_s = (second.created - first.ended).total_seconds()
        if passed_s > limit_s:
            observed.fail(f"a new pod for {task_id} within {limit_s:.0f} s", f"it came after {passed_s:.0f} s")

    def expect_concurrent(self, task_id: str, *, victim: WorkerPod) -> None:
        """Check that the task's first try ran when the victim's pod ended; else its health proves nothing."""
        observed = self.look()
        bystander = next((ti for ti in observed.tries if ti.task_id == task_id and ti.try_number == 1), None)
        start, end = (bystander.start, bystander.end) if bystander else (None, None)
        if victim.ended is None or start is None or end is None or not start < victim.ended < end:
            seen = f"the victim ended at {victim.ended}, the bystander ran from {start} to {end}"
            observed.fail(f"{task_id} running when {victim.key} ended", seen)

    def expect_untouched(self, task_id: str = "", *, uids: Collection[str]) -> None:
        """Check that the task, or the whole run, succeeded on first tries in the pods with these UIDs and no other."""
        observed = self.look()
        pods = [pod for pod in observed.pods if task_id in ("", pod.key.task_id)]
        instances = [ti for ti in observed.instances if task_id in ("", ti.task_id)]
        if not instances or any(ti.try_number > 1 or ti.state not in GOOD_ENDS for ti in instances):
            outcome = [f"{ti.key}: {ti.state}" for ti in instances]
            observed.fail("bystanders succeed on their first try", f"{outcome or 'no try at all'}")
        if {pod.uid for pod in pods} != set(uids) or not uids:
            observed.fail(f"bystanders stay in pods {sorted(uids)}", f"{sorted(pod.uid for pod in pods)}")

    def expect_makespan(self, *, quiet_s: float, factor: float = 1.5) -> None:
        """Check that the run took, from its first task's schedule to its last one's end, little longer than quietly."""
        observed = self.look()
        seen_s = observed.makespan_s
        if seen_s is None or seen_s > quiet_s * factor:
            seen = "it has no end" if seen_s is None else f"{seen_s:.0f} s"
            observed.fail(f"a makespan within {factor} times the quiet {quiet_s:.0f} s", seen)


@dataclass(frozen=True)
class Observation(Expectations):
    """What was seen of a run at one time: its pods, oldest first, beside Airflow's word on each try of each task.

    `starts` has, for a try with several pods, the hostname of each that it began in, first to last.
    """

    pods: Sequence[WorkerPod]
    instances: Sequence[TaskInstance]
    starts: Mapping[TaskKey, Sequence[str]] = field(default_factory=dict)
    outages: Sequence[Gap] = ()

    def look(self) -> "Observation":
        """Return this observation."""
        return self

    @property
    def tries(self) -> list[TaskInstance]:
        """Return the tries that there were."""
        return find_tries(self.instances)

    @property
    def makespan_s(self) -> float | None:
        """Return the seconds from the first task's schedule to the last one's end, None when a try has no end."""
        spans = [(ti.scheduled or ti.start, ti.end) for ti in self.tries]
        begins, ends = [begin for begin, _ in spans if begin], [end for _, end in spans if end]
        if not begins or len(ends) != len(spans):
            return None
        return (max(ends) - min(begins)).total_seconds()

    @property
    def timeline(self) -> str:
        """Return what happened, one line an event."""
        return write_timeline(self.pods, self.tries, self.outages)

    def hosts(self, ti: TaskInstance) -> list[str]:
        """Return the hostnames of the pods that a try ran in, as Airflow tells it."""
        return [*self.starts.get(ti.key, ())][:-1] + ([ti.hostname] if ti.hostname else [])

    def fail(self, expected: str, seen: str) -> NoReturn:
        """Raise AssertionError that tells what was expected, what was seen, and the timeline."""
        raise AssertionError(f"expected: {expected}\nseen: {seen}\nwhat happened:\n{self.timeline}")


def find_tries(instances: Iterable[TaskInstance]) -> list[TaskInstance]:
    """Return the tries among the task instances: a task that was never to run has number 0, which is none."""
    return [ti for ti in instances if ti.try_number > 0]


def _needs_pod(ti: TaskInstance) -> bool:
    return ti.queued is not None


def _name(pod: WorkerPod) -> str:
    return f"{pod.name} ({pod.key})"


def _names(keys: Counter[TaskKey]) -> str:
    return ", ".join(sorted(map(str, keys.elements()))) or "none"
