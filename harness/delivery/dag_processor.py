"""What the dag-processor's pods take from the cluster: Airflow's settings and the variables, and since when."""

import configparser
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from harness.credentials import read_variables
from harness.errors import UsageError
from harness.settings import Settings
from harness.tools import Json
from harness.tools.k8s import Kubernetes, Objects
from harness.tools.k8s_connection import KubernetesError

PREFIX = "AIRFLOW__"
# Of no use where nothing is logged, measured or asked of a database, or bound to the pod's own file system.
LEFT_OUT = re.compile(
    rf"{PREFIX}(LOGGING|METRICS|TRACES|SENTRY|DATABASE|SECRETS|KUBERNETES_EXECUTOR)__.*"
    rf"|{PREFIX}DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST|{PREFIX}CORE__(LOAD_EXAMPLES|DAGS_FOLDER|PLUGINS_FOLDER)"
)
REFRESH = f"{PREFIX}DAG_PROCESSOR__REFRESH_INTERVAL"
DEFAULT_REFRESH_S = 300.0


@dataclass(frozen=True)
class PodEnvironment:
    """How the cluster imports DAG files.

    `variables` is the Secret, None when no cluster was asked, or it is not there or not ours to read; `settings` are
    Airflow's own, as environment variables. `started` is when the oldest pod started, `changed` when the Secret was
    last changed.
    """

    variables: Mapping[str, str] | None
    settings: Mapping[str, str]
    started: datetime | None = None
    changed: datetime | None = None

    @property
    def is_outdated(self) -> bool:
        """Tell whether a pod runs with variables of before the Secret's last change."""
        return self.started is not None and self.changed is not None and self.started < self.changed

    @property
    def refresh_s(self) -> float:
        """Return how often Airflow looks for new files."""
        try:
            return float(self.settings.get(REFRESH, DEFAULT_REFRESH_S))
        except ValueError:
            return DEFAULT_REFRESH_S


def read_environment(kubernetes: Kubernetes, settings: Settings) -> PodEnvironment:
    """Return what the cluster's pods have; where there are none, the settings are those of the chart's values.

    Raises KubernetesError when the cluster does not answer.
    """
    pods = kubernetes.list("Pod", settings.namespace, label_selector=settings.dag_processor)
    newest = _newest(pods)
    found = _keep(dict(_read_settings(kubernetes, newest))) if newest else settings_of_values(settings)
    try:
        secret = kubernetes.get("Secret", settings.variables_secret, settings.namespace)
        variables = read_variables(kubernetes, settings)
    except KubernetesError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        secret = variables = None  # who delivers DAGs need not know what their tasks know
    return PodEnvironment(
        variables,
        found,
        min(_starts(pods), default=None),
        max(_changes(secret), default=None) if secret else None,
    )


def read_image(kubernetes: Kubernetes, settings: Settings) -> str:
    """Return the image of the newest pod that reads DAGs; raises UsageError when there is none."""
    newest = _newest(kubernetes.list("Pod", settings.namespace, label_selector=settings.dag_processor))
    if newest is None:
        raise UsageError(
            f"no dag-processor pod ({settings.dag_processor}) in namespace {settings.namespace}, so nobody knows in "
            "which image the DAGs are imported",
            next_step="correct `namespace` or `dag_processor` of the environment, or bring Airflow back",
        )
    return str(newest["spec"]["containers"][0]["image"])


def _newest(pods: Objects) -> Json | None:
    return max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default=None)


def settings_of_values(settings: Settings) -> dict[str, str]:
    """Return Airflow's settings of the chart's values, under `config`, but for those that are templates."""
    import yaml

    found: dict[str, str] = {}
    for path in (settings.chart_folder / "values.yaml", *settings.values_files):
        values = yaml.safe_load(path.read_text()) if path.is_file() else None
        config = values.get("config") if isinstance(values, dict) else None
        for section, keys in config.items() if isinstance(config, dict) else ():
            for key, value in keys.items() if isinstance(keys, dict) else ():
                if "{{" not in str(value):
                    found[f"{PREFIX}{section}__{key}".upper()] = str(value)
    return _keep(found)


def _keep(found: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in found.items() if name.startswith(PREFIX) and not LEFT_OUT.fullmatch(name)}


def _read_settings(kubernetes: Kubernetes, pod: Json) -> Iterator[tuple[str, str]]:
    """Yield the variables that the pod has from ConfigMaps and literally, and the settings of an airflow.cfg."""
    namespace = pod["metadata"]["namespace"]
    volumes = {volume["name"]: volume.get("configMap") for volume in pod["spec"].get("volumes") or ()}
    for container in pod["spec"]["containers"]:
        for mount in container.get("volumeMounts") or ():
            source = volumes.get(mount["name"])
            if source and mount["mountPath"].endswith("airflow.cfg"):
                yield from _parse_config(_read_data(kubernetes, source["name"], namespace).get("airflow.cfg", ""))
        for source in container.get("envFrom") or ():
            if "configMapRef" in source:
                yield from _read_data(kubernetes, source["configMapRef"]["name"], namespace).items()
        yield from ((item["name"], item["value"]) for item in container.get("env") or () if "value" in item)


def _read_data(kubernetes: Kubernetes, name: str, namespace: str) -> dict[str, str]:
    return (kubernetes.get("ConfigMap", name, namespace) or {}).get("data") or {}


def _parse_config(text: str) -> Iterator[tuple[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    parser.read_string(text)
    for section in parser.sections():
        yield from ((f"{PREFIX}{section}__{key}".upper(), value) for key, value in parser[section].items() if value)


def _starts(pods: Objects) -> Iterator[datetime]:
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses") or ():
            started = (status.get("state") or {}).get("running", {}).get("startedAt")
            if started:
                yield datetime.fromisoformat(started)


def _changes(secret: Json) -> Iterator[datetime]:
    metadata = secret["metadata"]
    times = [metadata.get("creationTimestamp"), *(field.get("time") for field in metadata.get("managedFields") or ())]
    yield from (datetime.fromisoformat(time) for time in times if time)
