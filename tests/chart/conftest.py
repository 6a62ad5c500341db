"""Fixtures of the chart's tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from .render import STABLE, Rendering, render

OVERLAYS = ("", "kind", "production")


@pytest.fixture(scope="session")
def helm() -> Path:
    """Find helm; a missing one is a failure, since a skip would hide that nothing was tested."""
    found = os.environ.get("HARNESS_HELM") or shutil.which("helm")
    if not found:
        pytest.fail("No helm: put it on PATH or name it in HARNESS_HELM.")
    return Path(found)


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
