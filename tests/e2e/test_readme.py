"""The README's first example runs as it is printed, in a project that has only the package."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness import AirflowEnv

from .inside import run

pytestmark = pytest.mark.timeout(300, func_only=True)

README = Path(__file__).parents[2] / "README.md"


def write_project(env: AirflowEnv, folder: Path) -> None:
    """Write a project of two files: the example, and where the environment's DAGs are; the chart comes along."""
    example = README.read_text().split("```python\n", 1)[1].split("```", 1)[0]
    (folder / "test_hello.py").write_text(example)
    settings = env.settings
    lines = [
        "[tool.harness]",
        f"dags = {json.dumps(str(settings.dags_folder))}",
    ]
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n")


def test_first_example_of_the_readme_runs_as_printed(airflow_env: AirflowEnv, tmp_path: Path) -> None:
    write_project(airflow_env, tmp_path)
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "--airflow-env",
        airflow_env.settings.name,
        "--reuse",
        "-p",
        "no:cacheprovider",
    ]
    result = run(argv, timeout_s=240, cwd=tmp_path)
    assert "1 passed" in result.stdout
    report = json.loads((tmp_path / "reports/e2e/report.json").read_text())
    assert (report["verdicts"], report["totals"]["pods"]) == ({"passed": 1}, 3)
    junit = ET.parse(tmp_path / "reports/e2e/junit.xml")  # noqa: S314 - pytest wrote it a moment ago
    assert [case.get("name") for case in junit.iter("testcase")] == ["test_hello_is_three_pods"]
