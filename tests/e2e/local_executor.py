"""A throw-away release of the same chart whose tasks all run in the scheduler's container: the LocalExecutor."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import labels, release
from harness.credentials import ensure_secrets, read_credentials
from harness.environment import Environment
from harness.pytest_plugin import AirflowEnv
from harness.tools.airflow import AirflowApi
from harness.tools.airflow_client import AirflowApiError
from harness.tools.k8s import Json
from harness.waiting import NotYet, wait_until

NAMESPACE = "tools-local-executor"
NODE_PORT = 30081
DAGS = "airflow-dags-local"
FOLDER = "/opt/airflow/bundles/local"
MANY_S = 240
TINY = {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}


def values(env: AirflowEnv) -> Json:
    """Return what differs from the environment's own release."""
    release_ = env.environment.release
    mount = {"name": "local", "mountPath": FOLDER, "readOnly": True}
    sources = [{"configMap": {"name": name}} for name in ("airflow-bundle-ignore", DAGS)]
    small = {component: {"resources": TINY} for component in ("postgresql", "triggerer", "dagProcessor", "setup")}
    return {
        **small,
        **release_.values(),
        "config": {"core": {"executor": "LocalExecutor", "parallelism": "4"}},
        "logs": {"persistence": {"enabled": False, "existingClaim": ""}},
        "dags": {"bundles": [{"name": "local", "configMap": DAGS}]},
        "apiServer": {"resources": TINY, "service": {"type": "NodePort", "nodePort": NODE_PORT}},
        "scheduler": {
            "resources": {"requests": {"cpu": "100m", "memory": "384Mi"}, "limits": {"memory": "2Gi"}},
            # Tasks run here, so DAGs and variables must be here.
            "extraVolumes": [{"name": "local", "projected": {"sources": sources}}],
            "extraVolumeMounts": [mount],
        },
    }


@contextmanager
def local_executor(env: AirflowEnv, dags: list[Path]) -> Iterator[AirflowApi]:
    """Install the release with these DAG files, yield its API, and remove all of it.

    Its API answers at a port of a node, which the host of the container engine alone can reach.
    """
    kubernetes, docker = env.kubernetes, env.environment.docker
    settings = env.settings.model_copy(update={"namespace": NAMESPACE, "release": "local-executor"})
    other = Environment(settings)
    files = {path.name: path.read_text() for path in dags}
    metadata = {"labels": labels.kubernetes_labels(settings.name)}
    try:
        namespace_labels = {**metadata["labels"], **release.pod_security(settings)}
        kubernetes.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": namespace_labels}}
        )
        ensure_secrets(kubernetes, settings)
        config_map = {"name": DAGS, "namespace": NAMESPACE, **metadata}
        kubernetes.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": config_map, "data": files})
        other.helm.upgrade(
            settings.release,
            settings.chart_folder,
            namespace=NAMESPACE,
            values_files=settings.values_files,
            values=values(env),
            description="throw-away",
        )
        release.wait_until_available(kubernetes, settings, lambda _: None)
        node = docker.inspect(env.environment.cluster.node_names[0])["NetworkSettings"]["Networks"]
        address = node[env.environment.cluster.name]["IPAddress"]
        login = read_credentials(kubernetes, settings)
        airflow = AirflowApi(f"http://{address}:{NODE_PORT}", login.username, login.password)
        wait_until_known(airflow, [path.stem for path in dags])
        yield airflow
    finally:
        kubernetes.delete("Namespace", NAMESPACE)
        wait_until(
            f"namespace {NAMESPACE} gone",
            lambda: NotYet("it is there") if kubernetes.get("Namespace", NAMESPACE) else True,
            timeout_s=MANY_S,
        )


def wait_until_known(airflow: AirflowApi, dag_ids: list[str]) -> None:
    """Wait until Airflow has read these DAGs."""

    def probe() -> bool | NotYet:
        try:
            missing = [dag_id for dag_id in dag_ids if airflow.dag(dag_id) is None]
        except AirflowApiError as error:
            return NotYet(str(error).splitlines()[0])
        return NotYet(f"unknown: {', '.join(missing)}") if missing else True

    wait_until("the DAGs of the LocalExecutor", probe, timeout_s=MANY_S)
