"""Keeps pins.toml, the Go modules, the Python locks and the chart of one mind."""

import hashlib
import re
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

from harness.errors import HarnessError
from harness.pins import Pins, load_pins

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
TIMEOUT_S = 120

# Go module folder, the module in it, and the pin that it must carry.
GO_PINS = (
    ("images/node/go/kubernetes", "k8s.io/kubernetes", "kubernetes"),
    ("images/node/go/etcd", "go.etcd.io/etcd/server/v3", "etcd"),
    ("images/node/go/coredns", "github.com/coredns/coredns", "coredns"),
    ("images/node/go/containerd", "github.com/containerd/containerd/v2", "containerd"),
    ("images/node/go/local-path-provisioner", "github.com/rancher/local-path-provisioner", "local_path_provisioner"),
    ("images/statsd-exporter/go", "github.com/prometheus/statsd_exporter", "statsd_exporter"),
    ("host/go/kind", "sigs.k8s.io/kind", "kind"),
    ("host/go/helm", "helm.sh/helm/v4", "helm"),
)


def check_pins(pins: Pins | None = None) -> list[str]:
    """Return one line for each disagreement; needs no network."""
    pins = pins or load_pins()
    return [*_go_problems(pins), *_airflow_problems(pins), *_registry_problems(pins), *_download_problems(pins)]


def update_pins(package: Path) -> Iterator[str]:
    """Fetch the pinned releases, write their sha256 into pins.toml, and yield a line for each.

    A version is changed by hand in pins.toml and by `go get` in its module; this fills in what follows from it.
    Raises HarnessError when a release cannot be fetched.
    """
    path = package / "pins.toml"
    text = path.read_text()
    for tool, downloads in load_pins().downloads.items():
        version = getattr(load_pins().versions, tool)
        for platform, download in downloads.items():
            url = re.sub(r"v\d+\.\d+\.\d+", f"v{version}", download.url)
            digest = _digest_of(url)
            text = text.replace(download.url, url).replace(download.sha256, digest)
            yield f"{tool} {version} {platform}: sha256 {digest}"
    path.write_text(text)
    load_pins.cache_clear()


def _digest_of(url: str) -> str:
    import httpx2

    try:
        response = httpx2.get(url, timeout=TIMEOUT_S, follow_redirects=True)
        response.raise_for_status()
    except httpx2.HTTPError as error:
        raise HarnessError(
            f"{url} cannot be fetched: {error}", next_step="try again where the release host answers"
        ) from None
    return hashlib.sha256(response.content).hexdigest()


def _text(name: str) -> str:
    with as_file(files("harness").joinpath(*name.split("/"))) as path:
        return path.read_text()


def _go_problems(pins: Pins) -> Iterator[str]:
    for folder, module, pin in GO_PINS:
        wanted = f"v{getattr(pins.versions, pin)}"
        found = re.search(rf"^(?:require )?\s*{re.escape(module)} (v\S+)", _text(f"{folder}/go.mod"), re.MULTILINE)
        if not found or found[1] != wanted:
            yield f"{folder}/go.mod has {module} {found[1] if found else 'nowhere'}, pins.toml has {wanted}"


def _airflow_problems(pins: Pins) -> Iterator[str]:
    for lock in ("images/airflow/requirements.txt",):
        found = re.search(r"^apache-airflow==(\S+)", _text(lock), re.MULTILINE)
        if not found or found[1] != pins.versions.airflow:
            yield f"{lock} has apache-airflow {found[1] if found else 'nowhere'}, pins.toml has {pins.versions.airflow}"


def _registry_problems(pins: Pins) -> Iterator[str]:
    for name, reference in pins.registry:
        if not DIGEST.search(reference):
            yield f"registry.{name} is not pinned by digest: {reference}"
    minor = pins.versions.kubernetes.rpartition(".")[0]
    if f":v{minor}." not in pins.registry.node:
        yield f"registry.node is {pins.registry.node}, and versions.kubernetes is {pins.versions.kubernetes}"


def _download_problems(pins: Pins) -> Iterator[str]:
    for tool, downloads in pins.downloads.items():
        for platform, download in downloads.items():
            if f"v{getattr(pins.versions, tool)}" not in download.url:
                yield f"downloads.{tool}.{platform} is another version: {download.url}"
            if not re.fullmatch(r"[0-9a-f]{64}", download.sha256):
                yield f"downloads.{tool}.{platform} has no sha256"
