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
READS_SIZES = """\
import humanize
from airflow.sdk import dag, task


@dag(schedule=None)
def reads_sizes():
    @task
    def show():
        print(humanize.naturalsize(10**6))

    show()


reads_sizes()
"""


@dataclass(frozen=True)
class Project:
    """A folder, and the commands of the virtual environment beside it."""

    folder: Path
    commands: Path

    def run(self, name: str, *words: str, check: bool = True) -> Result:
        """Run a command in the folder as a person does, with no path that leads to this repository."""
        env = {"PATH": f"{self.commands}:{os.environ['PATH']}", "PYTHONPATH": "", "CI": "", "HARNESS_NAME": NAME}
        return run([str(self.commands / name), *words], cwd=self.folder, env=env, timeout_s=600, check=check)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Install the wheel with its extra into an empty environment, and make a project; at the end no cluster is left."""
    folder = tmp_path_factory.mktemp("own")
    uv = [sys.executable, "-m", "uv"]
    build = [*uv, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    run([*build, "--out-dir", str(folder), str(ROOT)], timeout_s=60)
    (wheel,) = folder.glob("*.whl")
    run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")], timeout_s=60)
    python = str(folder / "venv/bin/python")
    run([*uv, "pip", "install", "--quiet", "--python", python, f"{wheel}[pytest]"], timeout_s=300)
    made = Project(folder / "project", folder / "venv/bin")
    made.folder.mkdir()
    assert "made  dags/hello.py" in made.run("harness", "init").stdout
    made.run("harness", "up")
    yield made
    made.run("harness", "down")


def test_new_project_of_the_wheel_is_green_at_once(project: Project) -> None:
    assert "1 DAGs" in project.run("harness", "dags", "check").stdout
    project.run("harness", "dags", "sync")
    assert "1 passed" in project.run("pytest", "--airflow-env", NAME).stdout
    report = json.loads((project.folder / "reports/e2e/report.json").read_text())
    assert (report["verdicts"], report["totals"]["pods"]) == ({"passed": 1}, 3)
    assert str(ROOT) not in project.run("harness", "status").stdout


def test_added_package_is_imported_by_a_task(project: Project) -> None:
    (project.folder / "dags/reads_sizes.py").write_text(READS_SIZES)
    refused = project.run("harness", "dags", "check", check=False)
    assert refused.returncode == 2
    assert "add the package that brings `humanize` to a requirements file" in refused.stdout + refused.stderr
    settings = (project.folder / "pyproject.toml").read_text()
    table = '[tool.harness]\nairflow_requirements = "requirements.txt"\n'
    (project.folder / "pyproject.toml").write_text(settings.replace("[tool.harness]\n", table))
    (project.folder / "requirements.txt").write_text("humanize==99\n")
    refused = project.run("harness", "up", check=False)
    assert refused.returncode == 2
    assert "there is no version of humanize==99" in refused.stderr
    (project.folder / "requirements.txt").write_text("humanize==4.12.0\n")
    images = [line.strip() for line in project.run("harness", "up").stdout.splitlines() if " image " in line]
    (built,) = [line for line in images if not line.startswith("·")]  # all else was there
    assert built.startswith("✓ image airflow of the project")
    project.run("harness", "dags", "run", "reads_sizes")
