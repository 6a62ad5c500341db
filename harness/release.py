"""The Helm release: the production chart with this environment's images, and what must be there before it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import labels
from harness.cluster import LOGS_IN_NODE
from harness.errors import UsageError, Verb
from harness.images.context import hash_of
from harness.images.imageset import ImageSet
from harness.settings import Settings
from harness.steps import Say
from harness.tools import Json
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_client import AirflowApiError
from harness.tools.helm import Helm, ReleaseStatus
from harness.tools.k8s import Kubernetes
from harness.waiting import CLOCK, Clock, NotYet, wait_until

# No chart names a volume claim so: theirs begin with the release's name.
LOGS = "harness-logs"
LOGIN_S = 60


@dataclass(frozen=True)
class Release:
    """One environment's release of the chart."""

    settings: Settings
    helm: Helm
    images: ImageSet

    def values(self) -> Json:
        """Return what only the harness knows: the images, and where a person's browser finds the UI."""
        return given_values(self.settings, self.images)

    @property
    def inputs(self) -> str:
        """Return a hash of the chart's files, the overlays and our values."""
        import yaml

        overlays = [path.read_bytes() for path in self.settings.values_files]
        return hash_of(self._chart_only(), *overlays, yaml.safe_dump(self.values()))

    def _chart_only(self) -> str:
        """Hash the chart without the DAGs that it links to."""
        folder = self.settings.chart_folder
        return hash_of(
            *(part for path in sorted(_chart_files(folder)) for part in (path.relative_to(folder), path.read_bytes()))
        )

    def check(self) -> None:
        """Raise UsageError with Helm's reason when the chart does not render with these values."""
        for path in (self.settings.chart_folder / "Chart.yaml", *self.settings.values_files):
            if not path.is_file():
                raise UsageError(
                    f"{path} is not there",
                    next_step=(
                        "correct `chart` or `values` in [tool.harness]: both are paths in the project",
                        "fetch a published chart first: helm pull CHART --version VERSION --untar --untardir charts",
                    ),
                )
        problem = self.helm.lint(
            self.settings.chart_folder,
            namespace=self.settings.namespace,
            values_files=self.settings.values_files,
            values=self.values(),
        )
        if problem:
            raise UsageError(
                f"the chart {self.settings.chart_folder} does not render with its values:\n{problem}",
                next_step=f"correct the value that it names, in {self._values_in_words}",
            )

    def is_installed(self) -> bool:
        """Tell whether the newest revision is deployed and was made of these very inputs."""
        return self.is_current(self.helm.status(self.settings.release, namespace=self.settings.namespace))

    def is_current(self, found: ReleaseStatus | None) -> bool:
        """Tell the same of a status that Helm has told already."""
        return found is not None and found.status == "deployed" and found.description == self._description

    def install(self, while_running: Callable[[], None] | None = None) -> None:
        """Install or upgrade; returns before the pods are ready.

        `while_running` is called again and again until then; what it raises ends Helm.
        """
        self.helm.upgrade(
            self.settings.release,
            self.settings.chart_folder,
            namespace=self.settings.namespace,
            values_files=self.settings.values_files,
            values=self.values(),
            description=self._description,
            while_running=while_running,
        )

    @property
    def _values_in_words(self) -> str:
        settings = self.settings
        own = settings.values or ([settings.chart / "values.yaml"] if settings.chart else [])
        return ", ".join([*(str(settings.project / path) for path in own), "[tool.harness.given_values]"])

    @property
    def _description(self) -> str:
        return f"harness inputs {self.inputs}"


def given_values(settings: Settings, images: ImageSet) -> Json:
    """Return `given_values` of the settings as a tree; raises UsageError for a `{name}` that nobody knows."""
    named = {"airflow": images.airflow, "postgresql": images.postgresql, "statsd_exporter": images.statsd_exporter}
    known = {**named, "url": settings.url}
    for name in named:
        known[f"{name}_repository"], _, known[f"{name}_tag"] = known[name].rpartition(":")
    tree: Json = {}
    for path, text in settings.given_values.items():
        *parents, last = path.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        try:
            branch[last] = text.format_map(known)
        except (KeyError, ValueError) as error:
            raise UsageError(
                f"given_values: {path} = {text!r}: {type(error).__name__} {error}",
                next_step=f"in [tool.harness.given_values] of pyproject.toml use {', '.join(sorted(known))}",
            ) from None
    return tree


def pod_security(settings: Settings) -> dict[str, str]:
    """Return the labels for what Kubernetes refuses in the namespace, and warns of where a workload is made."""
    return {f"pod-security.kubernetes.io/{mode}": settings.pod_security for mode in ("enforce", "warn")}


def _chart_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".pyc" and "dags" not in path.relative_to(folder).parts[:1]:
            yield path


def has_namespace(kubernetes: Kubernetes, settings: Settings) -> bool:
    """Tell whether the namespace, its Pod Security level and its volume are there."""
    namespace = kubernetes.get("Namespace", settings.namespace)
    return (
        namespace is not None
        and pod_security(settings).items() <= namespace["metadata"].get("labels", {}).items()
        and kubernetes.get("PersistentVolumeClaim", LOGS, settings.namespace) is not None
    )


def ensure_namespace(kubernetes: Kubernetes, settings: Settings) -> None:
    """Make the namespace with its Pod Security level, and the volume that keeps logs beyond their pods."""
    marks = labels.kubernetes_labels(settings.name)
    metadata = {"name": settings.namespace, "labels": {**marks, **pod_security(settings)}}
    kubernetes.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    size = {"storage": "10Gi"}  # nominal: a folder of this host has no quota
    claim = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeName": LOGS}
    kubernetes.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": LOGS, "labels": marks},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "capacity": size,
                "hostPath": {"path": LOGS_IN_NODE, "type": "Directory"},
                "claimRef": {"namespace": settings.namespace, "name": LOGS},
            },
        }
    )
    kubernetes.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": LOGS, "namespace": settings.namespace, "labels": marks},
            "spec": {**claim, "resources": {"requests": size}},
        }
    )


def wait_until_it_serves(airflow: AirflowApi, settings: Settings, say: Say, clock: Clock = CLOCK) -> None:
    """Wait until a login works and Airflow itself calls each of its components healthy."""

    def probe() -> bool | NotYet:
        try:
            health = airflow.health()
            airflow.login()
        except AirflowApiError as error:
            return NotYet(str(error).splitlines()[0])
        return True if health.is_healthy else NotYet(", ".join(health.problems))

    wait_until(
        f"Airflow at {settings.url}",
        probe,
        timeout_s=LOGIN_S,
        on_change=say,
        next_step=Verb("logs api-server"),
        party="Airflow",
        clock=clock,
    )
