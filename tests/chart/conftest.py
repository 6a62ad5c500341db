"""Fixtures of the chart's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.host.binaries import ensure_binary, helm_binary
from harness.pins import load_pins
from harness.settings import load_settings
from harness.tools.go import Go

from .render import STABLE, Rendering, render

OVERLAYS = ("", "kind", "production", "ha")


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
    """Render the chart with keys that do not change from one rendering to the next."""
    return render(helm, sets=STABLE)
