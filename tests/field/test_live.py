"""Edits as people make them, on a cluster: each is live within seconds, and live is exactly what it should be."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness import AirflowEnv, RunDag
from harness.delivery.folder import DagFolder
from harness.delivery.live import Delivery
from harness.delivery.pack import pack
from harness.parts import Parts

from .cases import CASES, define

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240, func_only=True)]

LIVE_S = 10


@dataclass(frozen=True)
class Author:
    """Edits a folder, whose counterpart is the bundle of the tests, and delivers it."""

    parts: Parts
    folder: Path

    @property
    def dags(self) -> DagFolder:
        settings = self.parts.settings.model_copy(update={"dags": self.folder, "dags_bundle": "e2e"})
        return replace(self.parts.dags, settings=settings)

    def write(self, files: dict[str, str]) -> None:
        """Make the folder hold these files alone."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def sync(self) -> Delivery:
        """Deliver the folder, within seconds; forced, for a session that was killed may have left anything."""
        delivery = self.dags.sync(force=True)
        assert delivery.seconds < LIVE_S
        return delivery

    def list_dags(self) -> set[str]:
        """Return the DAGs that Airflow serves."""
        return {dag.dag_id for dag in self.parts.airflow.dags(bundle_name="e2e")}


@pytest.fixture
def author(airflow_env: AirflowEnv, tmp_path: Path) -> Iterator[Author]:
    found = Author(airflow_env.environment.parts, tmp_path / "dags")
    yield found
    found.parts.bundle("e2e").remove()


GENERATOR = str(CASES["a generator alone"].files["generator.py"])


def test_generated_dags_come_and_go_with_their_data(author: Author) -> None:
    author.write({"generator.py": GENERATOR, "teams/north.txt": "", "teams/south.txt": ""})
    assert author.sync().added_dags == 2
    (author.folder / "teams/south.txt").unlink()
    assert author.sync().removed_dags == 1
    assert author.list_dags() == {"load_north"}


def test_renamed_dag_leaves_its_old_name(author: Author) -> None:
    author.write({"report.py": define("report_daily")})
    author.sync()
    author.write({"report.py": define("report_weekly")})
    author.sync()
    assert author.list_dags() == {"report_weekly"}


def test_zip_file_and_ignored_file_are_live_at_once(author: Author) -> None:
    for name in ("ignored", "a zip file alone"):
        CASES[name].make(author.folder)
    author.sync()
    assert author.list_dags() == {"kept", "packed"}
    (author.folder / "packed.zip").unlink()
    author.sync()
    assert author.list_dags() == {"kept"}


def test_corrected_file_is_not_blamed_with_its_old_error(author: Author) -> None:
    author.write({"report.py": define("report", "1 / 0"), "kept.py": define("kept")})
    author.parts.bundle("e2e").store.write(pack(author.folder), force=True)
    author.write({"report.py": define("report"), "kept.py": define("kept")})
    author.sync()
    assert author.list_dags() == {"kept", "report"}


def test_executable_runs_in_a_worker(author: Author, run_dag: RunDag) -> None:
    author.write(
        {
            "bin/tool": "#!/bin/sh\necho it ran\n",
            "runs_tool.py": (
                "from pathlib import Path\n\nfrom airflow.providers.standard.operators.bash import BashOperator\n"
                "from airflow.sdk import DAG\n\n"
                "with DAG('runs_tool'):\n"
                "    BashOperator(task_id='tool', bash_command=str(Path(__file__).parent / 'bin/tool') + ' ')\n"
            ),
        }
    )
    (author.folder / "bin/tool").chmod(0o755)
    (author.folder / "inbox").mkdir()
    author.sync()
    assert run_dag("runs_tool").state == "success"
