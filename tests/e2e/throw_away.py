"""A throw-away release of the same chart, in a namespace of its own beside the environment's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness import AirflowApi, AirflowApiError, AirflowEnv, NotYet, wait_until

from .inside import Json, Parts, ensure_secrets, labels, read_credentials, release, wait_until_available

BUNDLE = "once"
DAGS = "airflow-dags-once"
MANY_S = 240
TINY = {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}
TINY_PARTS = ("postgresql", "scheduler", "triggerer", "dagProcessor", "setup", "workers", "metrics", "cleanup")


@contextmanager
def throw_away(
    env: AirflowEnv,
    namespace: str,
    values: Mapping[str, Json],
    dags: Sequence[Path],
    *,
    node_port: int,
    overlays: Sequence[Path] = (),
    secrets: Mapping[str, Mapping[str, str]] | None = None,
) -> Iterator[AirflowApi]:
    """Install the release with these DAG files and Secrets, yield its API, and remove all of it.

    Its API answers at a port of a node, which the host of the container engine alone can reach.
    """
    kubernetes, docker = env.kubernetes, env.docker
    settings = env.settings.model_copy(update={"namespace": namespace, "release": namespace})
    marks = labels.kubernetes_labels(settings.name)

    def make(kind: str, name: str, **body: object) -> None:
        metadata = {"name": name, "namespace": namespace, "labels": marks}
        kubernetes.apply({"apiVersion": "v1", "kind": kind, "metadata": metadata, **body})

    try:
        namespace_labels = {**marks, **release.pod_security(settings)}
        kubernetes.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": namespace_labels}}
        )
        ensure_secrets(kubernetes, settings)
        for name, data in (secrets or {}).items():
            make("Secret", name, stringData=dict(data))
        make("ConfigMap", DAGS, data={path.name: path.read_text() for path in dags})
        Parts(settings).helm.upgrade(
            settings.release,
            settings.chart_folder,
            namespace=namespace,
            values_files=overlays or settings.values_files,
            values={**values_of(env, node_port), **values},
            description="throw-away",
        )
        wait_until_available(kubernetes, settings, lambda _: None)
        node = docker.inspect(env.environment.parts.cluster.node_names[0])["NetworkSettings"]["Networks"]
        address = node[env.environment.parts.cluster.name]["IPAddress"]
        login = read_credentials(kubernetes, settings)
        airflow = AirflowApi(f"http://{address}:{node_port}", login.username, login.password)
        _wait_until_known(airflow, [path.stem for path in dags])
        yield airflow
    finally:
        kubernetes.delete("Namespace", namespace)
        wait_until(
            f"namespace {namespace} gone",
            lambda: NotYet("it is there") if kubernetes.get("Namespace", namespace) else True,
            timeout_s=MANY_S,
        )


def values_of(env: AirflowEnv, node_port: int) -> dict[str, Json]:
    """Return what lets it stand beside the environment's release."""
    return {
        **{part: {"resources": TINY} for part in TINY_PARTS},
        **env.environment.parts.release.values(),
        "apiServer": {"resources": TINY, "service": {"type": "NodePort", "nodePort": node_port}},
        "dags": {"bundles": [{"name": BUNDLE, "configMap": DAGS}]},
        "logs": {"persistence": {"enabled": False, "existingClaim": ""}},
    }


def _wait_until_known(airflow: AirflowApi, dag_ids: list[str]) -> None:
    def probe() -> bool | NotYet:
        try:
            missing = [dag_id for dag_id in dag_ids if airflow.dag(dag_id) is None]
        except AirflowApiError as error:
            return NotYet(str(error).splitlines()[0])
        return NotYet(f"unknown: {', '.join(missing)}") if missing else True

    wait_until("the DAGs of the throw-away release", probe, timeout_s=MANY_S)
