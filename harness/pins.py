"""The versions, digests and checksums of all that is neither a Python nor a Go package: pins.toml, typed."""

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Versions(_Table):
    """Versions by component, without a leading `v`."""

    kubernetes: str
    kind: str
    helm: str
    containerd: str
    etcd: str
    coredns: str
    local_path_provisioner: str
    airflow: str
    postgresql: str
    statsd_exporter: str
    debian: str


class RegistryImages(_Table):
    """Official images, each `name:tag@sha256:...`, the digest that of the multi-architecture index."""

    node: str
    python: str
    postgresql: str
    statsd_exporter: str


class Download(_Table):
    """An official release file for one platform."""

    url: str
    sha256: str


class Pins(_Table):
    """The whole file; `downloads` maps tool -> `<os>-<architecture>` (Go's names) -> file."""

    versions: Versions
    registry: RegistryImages
    downloads: dict[str, dict[str, Download]]


@cache
def load_pins() -> Pins:
    """Return what pins.toml holds; a test guards its shape, so there is no error to expect."""
    return Pins.model_validate(tomllib.loads(files("harness").joinpath("pins.toml").read_text("utf-8")))
