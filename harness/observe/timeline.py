"""The timeline of a run as text: pods and tries in the order of what happened, seconds from the first event."""

from collections.abc import Iterable
from datetime import datetime

from harness.observe.follower import Gap
from harness.observe.pods import WorkerPod
from harness.tools.airflow_records import TaskInstance


def write_timeline(pods: Iterable[WorkerPod], tries: Iterable[TaskInstance], outages: Iterable[Gap] = ()) -> str:
    """Return one line an event, oldest first; times of pods are those at which we saw them.

    `outages` are the times in which Airflow's API did not answer; those before the first event are left out.
    """
    events = sorted([*_of_pods(pods), *_of_tries(tries)])
    if not events:
        return "(nothing happened)"
    first = events[0][0]
    events = sorted(events + [event for event in _of_outages(outages) if event[0] >= first])
    return "\n".join(f"{(when - first).total_seconds():8.2f} s  {what}" for when, what in events)


def _of_pods(pods: Iterable[WorkerPod]) -> Iterable[tuple[datetime, str]]:
    for pod in pods:
        who = f"pod {pod.name} ({pod.key}, uid {pod.uid})"
        for change in pod.phases:
            yield change.seen, f"{who}: {change.phase}{f' {pod.reason}' if pod.reason else ''}"
        for container in pod.containers:
            if container.finished:
                end = f"exit code {container.exit_code} {container.reason}".strip()
                yield container.finished, f"{who}: container {container.name} ended, {end}"
        if pod.deletion_requested:
            yield pod.deletion_requested, f"{who}: deletion asked for"
        if pod.deleted:
            yield pod.deleted, f"{who}: gone"


def _of_tries(tries: Iterable[TaskInstance]) -> Iterable[tuple[datetime, str]]:
    for ti in tries:
        who = f"{ti.label} try {ti.try_number}"
        for when, what in ((ti.queued, "queued"), (ti.start, f"started on {ti.hostname}"), (ti.end, f"{ti.state}")):
            if when:
                yield when, f"{who}: {what}"


def _of_outages(outages: Iterable[Gap]) -> Iterable[tuple[datetime, str]]:
    for outage in outages:
        yield outage.start, f"Airflow is away: {outage.reason}"
        if outage.end:
            yield outage.end, "Airflow is back"
