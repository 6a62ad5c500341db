"""The ConfigMaps of versions and of their shards: each version is a list of shards, and all are immutable.

The names, keys and the archive are those of `dag_versions.py` in the chart, which reads them in the pods.
"""

import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness import labels
from harness.delivery import origin as origins
from harness.delivery.origin import UNKNOWN, Origin
from harness.delivery.pack import Package
from harness.delivery.shards import Shard, cut, unpack
from harness.delivery.target import FIELD_MANAGER, VERSION_KEY, Target
from harness.errors import UsageError, Verb
from harness.gate.verdict import Definitions
from harness.tools import Json
from harness.tools.k8s import Kubernetes

PART_LABEL = "harness.dev/dags-part"
BUNDLE_LABEL = "harness.dev/dags-of"
CURRENT_SINCE = "harness.dev/current-since"
VERIFIED = "harness.dev/verified"
SIZE = "harness.dev/bytes"
SHARDS_KEY = "shards"
FILES_KEY = "files.json.gz"
DAGS_KEY = "dags.json.gz"


@dataclass(frozen=True)
class Version:
    """A version in the cluster; `files` are the digests of its files.

    `defined` is what the gate said of its DAGs, None if it was not asked. `current_since` is when the version became
    the current one the last time, None if it never did; `origin` is that of its last delivery.
    """

    version: str
    shards: tuple[str, ...]
    files: Mapping[str, str]
    size_bytes: int
    is_verified: bool
    current_since: datetime | None
    defined: Definitions | None = None
    origin: Origin = UNKNOWN


@dataclass(frozen=True)
class ConfigMaps:
    """The ConfigMaps of all versions of one target."""

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

    def create(self, package: Package, defined: Definitions | None) -> int:
        """Write what the cluster has not of the package's version, shards first, and return the bytes written."""
        present = self.shard_ages()
        shards = cut(package)
        written = sum(self._write_shard(shard) for shard in shards if shard.digest not in present)
        if self.get(package.version) is None:
            written += self._write_version(package, shards, defined)
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

    def read(self, version: Version) -> Package:
        """Return the files of a version; raises UsageError that names a shard that is gone."""
        files: dict[str, bytes] = {}
        executables, folders = set(), []
        for digest in version.shards:
            found = self.kubernetes.get("ConfigMap", self.shard_name(digest), self.target.namespace)
            if found is None:
                raise UsageError(
                    f"ConfigMap {self.shard_name(digest)} of version {version.version} is not there",
                    next_step=Verb("dags sync", "writes it again, if the folder still has its files"),
                )
            for piece in unpack(b64decode(found["binaryData"][_shard_key(digest)])):
                if piece.path.endswith("/"):
                    folders.append(piece.path.removesuffix("/"))
                    continue
                files[piece.path] = files.get(piece.path, b"") + piece.content
                if piece.is_executable:
                    executables.add(piece.path)
        return Package(files, frozenset(executables), tuple(folders))

    def mark(self, version: str, origin: Origin, since: datetime | None) -> None:
        """Note on the version where it comes from, and since when it is the current one, if that is new."""
        name = self.version_name(version)
        marks = origins.note(origin) | ({CURRENT_SINCE: since.isoformat()} if since else {})
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

    def _write_version(self, package: Package, shards: Sequence[Shard], defined: Definitions | None) -> int:
        binary = {FILES_KEY: _zip(dict(package.digests))}
        if defined:
            lists = {"uncertain": sorted(defined.uncertain), "imported": sorted(defined.imported)}
            binary[DAGS_KEY] = _zip({"files": dict(defined.files), **lists})
        self._apply(
            self.version_name(package.version),
            "version",
            annotations={VERIFIED: str(defined is not None).lower(), SIZE: str(package.size_bytes)},
            data={VERSION_KEY: package.version, SHARDS_KEY: "\n".join(shard.digest for shard in shards)},
            binary=binary,
        )
        return sum(map(len, binary.values()))

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
    marks, binary = config_map["metadata"].get("annotations", {}), config_map["binaryData"]
    since = marks.get(CURRENT_SINCE)
    defined = None
    if DAGS_KEY in binary:
        dags = _unzip(binary[DAGS_KEY])
        defined = Definitions(dags["files"], frozenset(dags["uncertain"]), frozenset(dags["imported"]))
    return Version(
        version=config_map["data"][VERSION_KEY],
        shards=tuple(config_map["data"][SHARDS_KEY].split()),
        files=_unzip(binary[FILES_KEY]),
        size_bytes=int(marks[SIZE]),
        is_verified=marks[VERIFIED] == "true",
        current_since=datetime.fromisoformat(since) if since else None,
        defined=defined,
        origin=origins.parse(marks),
    )


def _zip(document: Json) -> bytes:
    return gzip.compress(json.dumps(document).encode(), mtime=0)


def _unzip(text: str) -> Json:
    document: Json = json.loads(gzip.decompress(b64decode(text)))
    return document


def _shard_key(digest: str) -> str:
    return f"{digest}.tar.gz"
