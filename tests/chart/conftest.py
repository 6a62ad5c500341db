"""Fixtures of the chart's tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from harness.host.binaries import ensure_binary, helm_binary
from harness.pins import load_pins
from harness.settings import load_settings
from harness.tools.go import Go, GoCommand

from .cluster import cluster
from .generated import Keep
from .generated import keep as keep_file
from .render import STABLE, Rendering, render

GO = Path(__file__).parent / "go"
OVERLAYS = ("", "kind", "production", "ha")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that rewrites what the tests compare with."""
    parser.addoption(
        "--update-snapshots",
        action="store_true",
        help="write snapshots, the reference of the values and the schema's descriptions anew",
    )


@dataclass(frozen=True)
class Tools:
    """The linters, by their paths."""

    kube_score: Path
    helm_docs: Path


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Return the linters, built from the modules in `go` when they are not here yet."""
    go = Go(load_settings().cache_folder)
    packages = ("github.com/zegl/kube-score/cmd/kube-score", "github.com/norwoodj/helm-docs/cmd/helm-docs")
    return Tools(
        *(go.ensure(GoCommand(name, GO / name, package)) for package in packages for name in [Path(package).name])
    )


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Keep:
    """Return what compares a file with what it should hold, or writes it with `--update-snapshots`."""
    return partial(keep_file, is_update=request.config.getoption("--update-snapshots", default=False))


@pytest.fixture(scope="session")
def helm() -> Path:
    """Return the pinned helm, made as `harness up` makes it when it is not here yet."""
    pins = load_pins()
    return ensure_binary(helm_binary(pins), Go(load_settings().cache_folder), pins)


@pytest.fixture(scope="session", params=OVERLAYS, ids=lambda name: name or "default")
def chart(request: pytest.FixtureRequest, helm: Path) -> Rendering:
    """Render the chart with each of the value files that we ship."""
    return render(helm, request.param)


@pytest.fixture(scope="session")
def default(helm: Path) -> Rendering:
    """Render the chart with its own values."""
    return render(helm)


@pytest.fixture(scope="session")
def stable(helm: Path) -> Rendering:
    """Render the chart with keys of one's own."""
    return render(helm, sets=STABLE)


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the kubeconfig of a cluster with the Secrets that a person makes, and no release."""
    with cluster(tmp_path_factory.mktemp("cluster")) as path:
        yield path


@pytest.fixture(scope="session")
def installed(helm: Path, kubeconfig: Path) -> Rendering:
    """Render the chart as a first install does."""
    return render(helm, kubeconfig=kubeconfig)
