"""A packed chart: what an umbrella depends on, as `docs/how-to/vendor-a-chart.md` says, and under another version."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from .render import CHART

# What Kubernetes takes as the value of a label.
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


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


@pytest.mark.parametrize("metadata", ["abc", "a" * 50 + "--" + "a" * 9], ids=["short", "long"])
def test_version_with_build_metadata_makes_valid_labels(helm: Path, tmp_path: Path, metadata: str) -> None:
    versions = ("--version", f"0.4.0+{metadata}", "--app-version", f"3.3.2+{metadata}")
    subprocess.run(
        [str(helm), "package", str(CHART), *versions, "--destination", str(tmp_path)], check=True, timeout=60
    )
    (packed,) = tmp_path.glob("*.tgz")
    command = [str(helm), "template", "tools", str(packed)]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    labels = [one["metadata"]["labels"] for one in yaml.safe_load_all(text) if one]
    assert {one["helm.sh/chart"] for one in labels} == {f"tools-0.4.0_{metadata}"[:63].rstrip("-")}
    values = {value for one in labels for value in one.values()}
    assert [value for value in values if not LABEL.fullmatch(value)] == []
