"""A DAG bundle with versions, out of ConfigMaps: what a DAG run was created with is what its tasks run."""

from __future__ import annotations

import base64
import logging
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dag_versions
from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion
from airflow.exceptions import AirflowException

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubernetes.client import CoreV1Api, V1ConfigMap

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
NOT_FOUND = 404

log = logging.getLogger(__name__)


class ConfigMapDagBundle(BaseDagBundle):
    """The DAG folder that a pointer ConfigMap names, or the one of a given version.

    The DAG processor reads the Kubernetes API, for a pod that runs cannot mount a ConfigMap whose name is new. A worker
    pod has its version mounted, see `configmap_dag_mounts`, and needs no access to the API.

    :param config_map: name of the pointer, in the pod's own namespace
    """

    supports_versioning = True

    def __init__(self, *, config_map: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config_map = config_map
        self._current = self.version

    def initialize(self) -> None:
        """Make the files of the version, or of the current one, be on the disk."""
        with self.lock():
            if self.version:
                self._ensure(self.version)
            else:
                self._follow_pointer()
        super().initialize()

    def refresh(self) -> None:
        """Follow the pointer; it costs one request when nothing changed."""
        if self.version:
            raise AirflowException("A bundle of a given version cannot be refreshed.")
        with self.lock():
            self._follow_pointer()

    def get_current_version(self) -> BundleVersion | None:
        """Return the version of the files at `path`; None while there are no DAGs."""
        return BundleVersion(self._current) if self._current else None

    @property
    def path(self) -> Path:
        """The files of the version: another folder for each, so that no reader sees a mixture."""
        return self.versions_dir / (self._current or "none")

    def _follow_pointer(self) -> None:
        version = self._read_pointer()
        if version == self._current and self.path.is_dir():
            return
        if version:
            # Also of a tree that is here from before a rollback: its files are news again.
            dag_versions.touch_tree(self._ensure(version), self.path)
        else:
            (self.versions_dir / "none").mkdir(parents=True, exist_ok=True)
        log.info("DAG bundle %s: version %s", self.name, version)
        self._current = version
        dag_versions.remove_old_trees(self.versions_dir)

    def _read_pointer(self) -> str | None:
        mounted = self._mount / dag_versions.VERSION_FILE
        if mounted.is_file():
            return mounted.read_text()
        pointer = self._get(self.config_map)
        if pointer is None:
            return None
        version = (pointer.data or {}).get("version")
        if not version:
            raise AirflowException(
                f"ConfigMap {self.config_map} has no key `version`: it holds files, not a pointer. "
                f"Mount it as it is (`versioned: false`), or deliver the DAGs with `harness dags sync`."
            )
        return str(version)

    def _ensure(self, version: str) -> Path:
        mounted = self._mount / dag_versions.VERSION_FILE
        if mounted.is_file() and mounted.read_text() == version:
            return dag_versions.ensure_tree(self.versions_dir / version, self._mounted_archives)
        return dag_versions.ensure_tree(self.versions_dir / version, lambda: self._fetched_archives(version))

    @property
    def _mount(self) -> Path:
        return dag_versions.MOUNTS / self.name

    def _mounted_archives(self) -> Iterable[bytes]:
        for digest in (self._mount / dag_versions.SHARDS_FILE).read_text().split():
            yield (self._mount / dag_versions.shard_key(digest)).read_bytes()

    def _fetched_archives(self, version: str) -> Iterable[bytes]:
        name = dag_versions.version_name(self.config_map, version)
        digests = (self._need(name).data or {})[dag_versions.SHARDS_FILE].split()
        kept = self.base_dir / "shards"
        kept.mkdir(parents=True, exist_ok=True)
        for digest in digests:
            file = kept / digest
            if not file.is_file():
                shard = self._need(dag_versions.shard_name(self.config_map, digest))
                file.write_bytes(base64.b64decode((shard.binary_data or {})[dag_versions.shard_key(digest)]))
            yield file.read_bytes()
        for file in kept.iterdir():
            if file.name not in digests:
                file.unlink()

    def _need(self, name: str) -> V1ConfigMap:
        found = self._get(name)
        if found is None:
            raise AirflowException(
                f"ConfigMap {name} of DAG bundle {self.name} is not there: its version was collected. "
                f"Clear the run with the newest version, or start another one."
            )
        return found

    def _get(self, name: str) -> V1ConfigMap | None:
        from kubernetes.client import ApiException

        try:
            return self._api.read_namespaced_config_map(name, NAMESPACE_FILE.read_text())
        except ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise

    @cached_property
    def _api(self) -> CoreV1Api:
        # Here, for a worker pod does without it and would pay for the import.
        from kubernetes import client, config

        config.load_incluster_config()
        return client.CoreV1Api()
