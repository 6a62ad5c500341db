"""A team's own project, from the wheel in an empty virtual environment, with no file of this repository."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .inside import Result, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900, func_only=True)]

ROOT = Path(__file__).parents[2]
NAME = "own-project"


@dataclass(frozen=True)
class Project:
    """A folder, and the commands of the virtual environment beside it."""

    folder: Path
    commands: Path

    def run(self, name: str, *words: str) -> Result:
        """Run a command in the folder as a person does, with no path that leads to this repository."""
        env = {"PATH": f"{self.commands}:{os.environ['PATH']}", "PYTHONPATH": "", "CI": "", "HARNESS_NAME": NAME}
        return run([str(self.commands / name), *words], cwd=self.folder, env=env, timeout_s=600)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Install the wheel with its extra into an empty environment; at the end no cluster is left."""
    uv = [sys.executable, "-m", "uv"]
    run(
        [*uv, "build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir", str(tmp_path), str(ROOT)],
        timeout_s=60,
    )
    (wheel,) = tmp_path.glob("*.whl")
    run([*uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv")], timeout_s=60)
    python = str(tmp_path / "venv/bin/python")
    run([*uv, "pip", "install", "--quiet", "--python", python, f"{wheel}[pytest]"], timeout_s=300)
    made = Project(tmp_path / "project", tmp_path / "venv/bin")
    made.folder.mkdir()
    yield made
    made.run("harness", "down")


def test_new_project_of_the_wheel_is_green_at_once(project: Project) -> None:
    assert "made  dags/hello.py" in project.run("harness", "init").stdout
    project.run("harness", "up")
    assert "hello" in project.run("harness", "dags", "check").stdout
    project.run("harness", "dags", "sync")
    assert "1 passed" in project.run("pytest", "--airflow-env", NAME).stdout
    report = json.loads((project.folder / "reports/e2e/report.json").read_text())
    assert (report["verdicts"], report["totals"]["pods"]) == ({"passed": 1}, 3)
    assert str(ROOT) not in project.run("harness", "status").stdout
