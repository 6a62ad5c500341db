"""The versions of a DAG folder that the cluster holds: each is a list of shards, and immutable.

The names, keys and the archive are those of `dag_versions.py` in the chart, which reads them in the pods.
"""

import gzip
import io
import json
import tarfile
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness import labels
from harness.delivery.pack import Package
from harness.delivery.shards import Shard, cut
from harness.delivery.target import FIELD_MANAGER, VERSION_KEY, Target
from harness.errors import UsageError, Verb
from harness.tools.k8s import Json, Kubernetes

PART_LABEL = "harness.dev/dags-part"
BUNDLE_LABEL = "harness.dev/dags-of"
CURRENT_SINCE = "harness.dev/current-since"
VERIFIED = "harness.dev/verified"
SIZE = "harness.dev/bytes"
SHARDS_KEY = "shards"
FILES_KEY = "files.json.gz"


@dataclass(frozen=True)
class Version:
    """A version in the cluster; `current_since` is when it last became the current one, None if it never did."""

    version: str
    shards: tuple[str, ...]
    files: Mapping[str, str]
    size_bytes: int
    is_verified: bool
    current_since: datetime | None


@dataclass(frozen=True)
class Versions:
    """All versions of one target."""

    kubernetes: Kubernetes
    target: Target

    def list(self) -> list[Version]:
        """Return the versions, the one that became current last first."""
        found = self.kubernetes.list("ConfigMap", self.target.namespace, label_selector=self._selector("version"))
        oldest = datetime.min.replace(tzinfo=UTC)
        return sorted(map(_parse, found), key=lambda version: version.current_since or oldest, reverse=True)

    def get(self, version: str) -> Version | None:
        """Return the version, or None when it is not there."""
        found = self.kubernetes.get("ConfigMap", self.version_name(version), self.target.namespace)
        return _parse(found) if found else None

    def create(self, package: Package, *, is_verified: bool) -> int:
        """Write what the cluster has not of the package's version, shards first, and return the bytes written."""
        present = self.shard_ages()
        shards = cut(package)
        written = sum(self._write_shard(shard) for shard in shards if shard.digest not in present)
        if self.get(package.version) is None:
            written += self._write_version(package, shards, is_verified=is_verified)
        return written

    def shard_ages(self) -> dict[str, datetime]:
        """Return the digests of all shards in the cluster, and when each was made."""
        selector = self._selector("shard")
        found = self.kubernetes.list_metadata("ConfigMap", self.target.namespace, label_selector=selector)
        prefix = len(self.shard_name(""))
        return {
            item["metadata"]["name"][prefix:]: datetime.fromisoformat(item["metadata"]["creationTimestamp"])
            for item in found
        }

    def read(self, version: Version) -> dict[str, bytes]:
        """Return the files of a version; raises UsageError that names a shard that is gone."""
        files: dict[str, bytes] = {}
        for digest in version.shards:
            found = self.kubernetes.get("ConfigMap", self.shard_name(digest), self.target.namespace)
            if found is None:
                raise UsageError(
                    f"ConfigMap {self.shard_name(digest)} of version {version.version} is not there",
                    next_step=Verb("dags sync", "writes it again, if the folder still has its files"),
                )
            for path, piece in _unpack(b64decode(found["binaryData"][_shard_key(digest)])):
                files[path] = files.get(path, b"") + piece
        return files

    def mark_current(self, version: str, now: datetime) -> None:
        """Note on the version when it became the current one."""
        name, marks = self.version_name(version), {CURRENT_SINCE: now.isoformat()}
        self.kubernetes.patch_annotations("ConfigMap", name, self.target.namespace, marks)

    def delete(self, version: str) -> None:
        """Delete a version; its shards stay, for others may hold them."""
        self.kubernetes.delete("ConfigMap", self.version_name(version), self.target.namespace)

    def delete_shard(self, digest: str) -> None:
        """Delete a shard."""
        self.kubernetes.delete("ConfigMap", self.shard_name(digest), self.target.namespace)

    def version_name(self, version: str) -> str:
        """Return the name of a version's ConfigMap."""
        return f"{self.target.config_map}-v-{version}"

    def shard_name(self, digest: str) -> str:
        """Return the name of a shard's ConfigMap."""
        return f"{self.target.config_map}-s-{digest}"

    def _selector(self, part: str) -> str:
        return f"{BUNDLE_LABEL}={self.target.config_map},{PART_LABEL}={part}"

    def _write_shard(self, shard: Shard) -> int:
        archive = shard.pack()
        self._apply(self.shard_name(shard.digest), "shard", binary={_shard_key(shard.digest): archive})
        return len(archive)

    def _write_version(self, package: Package, shards: Sequence[Shard], *, is_verified: bool) -> int:
        index = gzip.compress(json.dumps(dict(package.digests)).encode(), mtime=0)
        self._apply(
            self.version_name(package.version),
            "version",
            annotations={VERIFIED: str(is_verified).lower(), SIZE: str(package.size_bytes)},
            data={VERSION_KEY: package.version, SHARDS_KEY: "\n".join(shard.digest for shard in shards)},
            binary={FILES_KEY: index},
        )
        return len(index)

    def _apply(
        self,
        name: str,
        part: str,
        *,
        annotations: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        binary: Mapping[str, bytes],
    ) -> None:
        marks = {BUNDLE_LABEL: self.target.config_map, PART_LABEL: part}
        manifest: Json = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "namespace": self.target.namespace,
                "labels": labels.kubernetes_labels(self.target.environment) | marks,
                "annotations": dict(annotations or {}),
            },
            "immutable": True,
            "data": dict(data or {}),
            "binaryData": {key: b64encode(content).decode() for key, content in binary.items()},
        }
        self.kubernetes.apply(manifest, field_manager=FIELD_MANAGER)


def _parse(config_map: Json) -> Version:
    marks = config_map["metadata"].get("annotations", {})
    since = marks.get(CURRENT_SINCE)
    return Version(
        version=config_map["data"][VERSION_KEY],
        shards=tuple(config_map["data"][SHARDS_KEY].split()),
        files=json.loads(gzip.decompress(b64decode(config_map["binaryData"][FILES_KEY]))),
        size_bytes=int(marks[SIZE]),
        is_verified=marks[VERIFIED] == "true",
        current_since=datetime.fromisoformat(since) if since else None,
    )


def _shard_key(digest: str) -> str:
    return f"{digest}.tar.gz"


def _unpack(archive: bytes) -> Iterable[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar:
            content = tar.extractfile(member)
            yield member.name, content.read() if content else b""
