"""Mounts into each worker pod the version of the DAGs that its DAG run was created with.

The scheduler loads this as a policy plugin (the entry point `airflow.policy`); the executor hands it every pod that it
is about to create (cncf-kubernetes 10.25.0, `PodGenerator.construct_pod`).
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dag_versions
from airflow.configuration import conf
from airflow.policies import hookimpl

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api, V1Pod

BUNDLE_CLASS = "configmap_dag_bundle.ConfigMapDagBundle"
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
VERSIONS_REMEMBERED = 64
# A blink of the Kubernetes API must not cost a task its try.
RETRIES = 4
BACKOFF_S = 0.5


@hookimpl
def pod_mutation_hook(pod: V1Pod) -> None:
    """Add the volume, if the pod is to run a task of a versioned bundle; raises when the version is not there."""
    bundle = _bundle_of(pod)
    config_map = _pointers().get(bundle.get("name", ""))
    if config_map:
        version = bundle.get("version") or _read(config_map)["version"]
        _mount(pod, bundle["name"], config_map, version)


def _bundle_of(pod: V1Pod) -> dict[str, Any]:
    """Return name and version of the bundle that the pod's workload names, empty for any other pod."""
    for arg in pod.spec.containers[0].args or ():
        if arg.startswith("{"):
            bundle: dict[str, Any] = json.loads(arg).get("bundle_info") or {}
            return bundle
    return {}


@cache
def _pointers() -> dict[str, str]:
    bundles = json.loads(conf.get("dag_processor", "dag_bundle_config_list"))
    return {bundle["name"]: bundle["kwargs"]["config_map"] for bundle in bundles if bundle["classpath"] == BUNDLE_CLASS}


def _mount(pod: V1Pod, bundle: str, config_map: str, version: str) -> None:
    from kubernetes import client

    names = [dag_versions.version_name(config_map, version)]
    names += [dag_versions.shard_name(config_map, digest) for digest in _shards(config_map, version)]
    sources = [client.V1VolumeProjection(config_map=client.V1ConfigMapProjection(name=name)) for name in names]
    volume = client.V1Volume(name="dag-version", projected=client.V1ProjectedVolumeSource(sources=sources))
    mount = client.V1VolumeMount(name=volume.name, mount_path=str(dag_versions.MOUNTS / bundle), read_only=True)
    pod.spec.volumes = [*(pod.spec.volumes or ()), volume]
    base = pod.spec.containers[0]
    base.volume_mounts = [*(base.volume_mounts or ()), mount]


@lru_cache(maxsize=VERSIONS_REMEMBERED)
def _shards(config_map: str, version: str) -> tuple[str, ...]:
    return tuple(_read(dag_versions.version_name(config_map, version))[dag_versions.SHARDS_FILE].split())


def _read(name: str) -> dict[str, str]:
    data: dict[str, str] = _api().read_namespaced_config_map(name, NAMESPACE_FILE.read_text()).data or {}
    return data


@cache
def _api() -> CoreV1Api:
    from kubernetes import client, config
    from urllib3.util.retry import Retry

    settings = client.Configuration()
    config.load_incluster_config(client_configuration=settings)
    settings.retries = Retry(total=RETRIES, backoff_factor=BACKOFF_S)
    return client.CoreV1Api(client.ApiClient(settings))
