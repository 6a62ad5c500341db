"""A chart that depends on another one, as `docs/how-to/vendor-a-chart.md` says: the copy in the project is enough."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from .render import CHART


@pytest.fixture
def umbrella(tmp_path: Path) -> Path:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    dependency = {"name": "tools", "version": version, "repository": f"file://{CHART}"}
    (tmp_path / "chart").mkdir()
    chart = {"apiVersion": "v2", "name": "ops", "version": "0.1.0", "dependencies": [dependency]}
    (tmp_path / "chart/Chart.yaml").write_text(yaml.safe_dump(chart))
    return tmp_path / "chart"


def run(helm: Path, umbrella: Path, *words: str) -> str:
    homes = {f"HELM_{name}_HOME": str(umbrella.parent / name) for name in ("CACHE", "CONFIG", "DATA")}
    command = [str(helm), *words, str(umbrella)]
    done = subprocess.run(command, env=os.environ | homes, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_dependency_is_packed_built_again_and_rendered(helm: Path, umbrella: Path) -> None:
    run(helm, umbrella, "dependency", "update")
    (packed,) = (umbrella / "charts").iterdir()
    assert packed.suffix == ".tgz"
    packed.unlink()
    run(helm, umbrella, "dependency", "build")
    assert packed.exists()
    text = run(helm, umbrella, "template", "ops", "--set", "tools.images.airflow.tag=given")
    assert "apache/airflow:given" in text
