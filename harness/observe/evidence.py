"""Saves what a person needs to find out why something failed, with secrets removed."""

from base64 import b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import HarnessError
from harness.observe.expectations import find_tries
from harness.observe.pods import WorkerPod
from harness.observe.recorder import PodRecorder
from harness.observe.runs import Run
from harness.redact import redact, remember_secrets
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_client import AirflowApiError
from harness.tools.airflow_records import TaskInstance
from harness.tools.k8s import Kubernetes, Objects, event_time

INDEX = "index.txt"
SHORTEST_SECRET = 8
SYSTEM_NAMESPACE = "kube-system"
# A Secret has no place here, and a ConfigMap's DAGs are in the checkout.
OBJECTS = ("Deployment", "StatefulSet", "Job", "Service", "PersistentVolumeClaim")

T = TypeVar("T")


@dataclass
class _Folder:
    """Writes redacted files and an index; a piece that cannot be had is noted there and never ends the collection."""

    path: Path
    notes: list[str] = field(default_factory=list)

    def fetch(self, what: str, ask: Callable[[], list[T]]) -> list[T]:
        """Return what `ask` does, or an empty list and a note."""
        try:
            return ask()
        except (HarnessError, KeyError, ValueError, TypeError) as error:
            self.notes.append(f"MISSING {what}: {redact(str(error))}")
            return []

    def save(self, name: str, ask: Callable[[], str]) -> None:
        """Write what `ask` returns to the file `name`."""
        for text in self.fetch(name, lambda: [ask()]):
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(redact(text), encoding="utf-8")
            self.notes.append(name)


def collect(
    kubernetes: Kubernetes,
    airflow: AirflowApi | None,
    folder: Path,
    *,
    namespace: str,
    runs: Iterable[Run] = (),
    recorder: PodRecorder | None = None,
) -> Path:
    """Save events, objects, pods and logs, and what Airflow says, below `folder`, and return it.

    `recorder` has what there was of the runs' worker pods, which are gone by now.

    Raises only when the folder cannot be made; what else is missing stands in its index.txt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    out = _Folder(folder)
    remember_secrets(out.fetch("the secrets to mask", lambda: _secret_values(kubernetes, namespace)))
    for space in (namespace, SYSTEM_NAMESPACE):
        _save_namespace(kubernetes, out, space)
    out.save("nodes.yaml", lambda: _yaml(kubernetes.list("Node")))
    for kind in OBJECTS:
        _save_objects(kubernetes, out, kind, namespace)
    runs = list(runs)
    if recorder is not None:
        for run in runs:
            _save_recorded(recorder, out, run)
    if airflow is None:
        out.notes.append("MISSING airflow/: there is no API to ask")
    else:
        _save_airflow(airflow, out, runs)
    (folder / INDEX).write_text("\n".join(out.notes) + "\n", encoding="utf-8")
    return folder


def _save_namespace(kubernetes: Kubernetes, out: _Folder, namespace: str) -> None:
    out.save(f"{namespace}/events.txt", lambda: "\n".join(map(_event_line, kubernetes.events(namespace))))
    pods = out.fetch(f"{namespace}: pods", lambda: kubernetes.list("Pod", namespace))
    out.save(f"{namespace}/pods.yaml", lambda: _yaml(pods))
    for pod in pods:
        status = pod.get("status", {})
        for container in status.get("initContainerStatuses", []) + status.get("containerStatuses", []):
            _save_log(kubernetes, out, pod["metadata"], container["name"], previous=False)
            if container.get("restartCount"):
                _save_log(kubernetes, out, pod["metadata"], container["name"], previous=True)


def _save_log(kubernetes: Kubernetes, out: _Folder, pod: dict[str, Any], container: str, *, previous: bool) -> None:
    name, namespace = pod["name"], pod["namespace"]
    file = f"{namespace}/logs/{name}/{container}{'.previous' if previous else ''}.log"
    out.save(file, lambda: kubernetes.pod_log(name, namespace, container=container, previous=previous))


def _save_recorded(recorder: PodRecorder, out: _Folder, run: Run) -> None:
    for pod in out.fetch("recorded pods", lambda: recorder.pods(dag_id=run.dag_id, run_id=run.run_id)):
        _save_recorded_pod(recorder, out, pod)


def _save_recorded_pod(recorder: PodRecorder, out: _Folder, pod: WorkerPod) -> None:
    where = f"recorded/{pod.dag_id}/{pod.run_id}/{pod.name}"
    out.save(f"{where}/events.txt", lambda: _lines(f"{e.last.isoformat()} {e.line}" for e in recorder.events(pod.uid)))
    log = recorder.log(pod.uid)
    if log:
        out.save(f"{where}/base.log", lambda: log.text)


def _save_objects(kubernetes: Kubernetes, out: _Folder, kind: str, namespace: str) -> None:
    out.save(f"{namespace}/{kind.lower()}s.yaml", lambda: _yaml(kubernetes.list(kind, namespace)))


def _save_airflow(airflow: AirflowApi, out: _Folder, runs: Iterable[Run]) -> None:
    try:
        airflow.version()
    except AirflowApiError as error:
        if not error.status:  # no answer: each further question would wait as long for its own
            out.notes.append(f"MISSING airflow/: {redact(str(error))}")
            return
    out.save("airflow/health.txt", lambda: _lines([airflow.health()]))
    out.save("airflow/dags.txt", lambda: _lines(airflow.dags(is_stale_too=True)))
    out.save(
        "airflow/import_errors.txt",
        lambda: "\n\n".join(f"{e.bundle_name}/{e.filename}\n{e.stack_trace}" for e in airflow.import_errors()),
    )
    out.save("airflow/dag_runs.txt", lambda: _lines(airflow.dag_runs()))
    for run in runs:
        _save_run(airflow, out, run)


def _save_run(airflow: AirflowApi, out: _Folder, run: Run) -> None:
    where = f"airflow/runs/{run.dag_id}/{run.run_id}"
    tries = out.fetch(f"{where}: tries", lambda: airflow.all_tries(run.dag_id, run.run_id))
    out.save(f"{where}/tries.txt", lambda: _lines(tries))
    out.save(f"{where}/event_logs.txt", lambda: _lines(airflow.event_logs(run.dag_id, run.run_id)))
    for ti in find_tries(tries):
        _save_task_log(airflow, out, f"{where}/{ti.label}.{ti.try_number}.log", ti)


def _save_task_log(airflow: AirflowApi, out: _Folder, file: str, ti: TaskInstance) -> None:
    out.save(file, lambda: airflow.logs(ti.dag_id, ti.run_id, ti.task_id, ti.try_number, map_index=ti.map_index))


def _secret_values(kubernetes: Kubernetes, namespace: str) -> list[str]:
    """Return the values of the namespace's own Secrets, but not words such as `postgres` that name other things too."""
    secrets = kubernetes.list("Secret", namespace, field_selector="type=Opaque")
    encoded = [value for secret in secrets for value in (secret.get("data") or {}).values()]
    values = [b64decode(value).decode("utf-8", "replace") for value in encoded]
    return [value for value in values if len(value) >= SHORTEST_SECRET and not (value.isalpha() and value.islower())]


def _event_line(event: dict[str, Any]) -> str:
    about = event.get("involvedObject", {})
    who = f"{about.get('kind')}/{about.get('name')}"
    return f"{event_time(event)} {event.get('type')} {event.get('reason')} {who}: {event.get('message')}"


def _lines(items: Iterable[object]) -> str:
    return "\n".join(map(str, items))


def _yaml(items: Objects) -> str:
    import yaml

    for item in items:
        item["metadata"].pop("managedFields", None)  # longer than all the rest, and no help
    return yaml.safe_dump_all(items, sort_keys=False)
