"""A DAG run keeps the version of the DAGs that it was created with, whatever is delivered meanwhile."""

import random
import sys
import uuid
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from harness import AirflowEnv, CommandError, Run, Runs
from harness.faults import delete_component

from .conftest import DeliveredDags
from .dag_texts import say, two_steps
from .inside import VERSIONS_KEPT, Delivery, Versions, pack, run

pytestmark = pytest.mark.timeout(300, func_only=True)

STEPS = {"first": 1, "second": 1}


@dataclass
class Author:
    """Edits a DAG of two steps and its package, and delivers them."""

    env: AirflowEnv
    delivered: DeliveredDags
    folder: Path
    dag_id: str

    def save(self, word: str) -> Delivery:
        """Make both files say `word`, and deliver."""
        package = self.folder / "e2e_steps"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        (package / "words.py").write_text(f"WORD = ' {word}'\n")
        (self.folder / f"{self.dag_id}.py").write_text(two_steps(self.dag_id, word))
        return self.deliver()

    def deliver(self) -> Delivery:
        """Deliver the folder as it is."""
        return self.delivered.sync(self.folder, force=False)

    def check(self, run: Run, word: str, word_of_package: str = "") -> None:
        """Wait for a run's end, and check that both of its tasks had this word from both files."""
        run.wait(timeout_s=180)
        run.check(STEPS)
        said = [self.env.airflow.xcom(self.dag_id, run.run_id, task) for task in STEPS]
        assert said == [f"{word} {word_of_package or word}"] * 2

    @property
    def store(self) -> Versions:
        return Versions(self.env.kubernetes, self.delivered.bundle.target)


@pytest.fixture
def author(airflow_env: AirflowEnv, delivered_dags: DeliveredDags, e2e_folder: Path) -> Author:
    found = Author(airflow_env, delivered_dags, e2e_folder, f"e2e_steps_{uuid.uuid4().hex[:8]}")
    found.save("old")
    return found


def test_run_keeps_the_code_it_began_with_and_the_next_has_new(author: Author, runs: Runs) -> None:
    began = runs.start(author.dag_id, {"seconds": 15})
    began.wait_until_running("first")

    author.save("new")
    following = runs.start(author.dag_id)

    author.check(began, "old")
    author.check(following, "new")


def test_rollback_runs_the_version_before(author: Author, runs: Runs) -> None:
    author.save("new")
    store = author.store
    before = store.find("")
    files = store.config_maps.read(before).files
    assert files[f"{author.dag_id}.py"] == two_steps(author.dag_id, "old").encode()

    author.delivered.bundle.go_back(before)

    author.check(runs.start(author.dag_id), "old")


def test_a_version_that_a_run_needs_outlives_the_others(author: Author, runs: Runs) -> None:
    needed = pack(author.folder).version
    began = runs.start(author.dag_id, {"seconds": 120})  # as long as the deliveries on a slow machine
    began.wait_until_running("first")

    for number in range(VERSIONS_KEPT + 2):
        author.save(f"newer {number}")
    kept = {version.version for version in author.store.config_maps.list()}
    assert needed in kept
    assert len(kept) == VERSIONS_KEPT + 1

    author.check(began, "old")
    author.save("last")
    assert needed not in {version.version for version in author.store.config_maps.list()}


def test_a_sync_while_the_scheduler_restarts_loses_nothing(author: Author, runs: Runs) -> None:
    began = runs.start(author.dag_id, {"seconds": 25})
    began.wait_until_running("first")

    with delete_component(author.env.kubernetes, author.env.namespace, "scheduler", by_force=True):
        author.save("new")
    following = runs.start(author.dag_id)

    author.check(began, "old")
    author.check(following, "new")


def test_killed_sync_leaves_the_old_version_whole_or_the_new(
    author: Author, airflow_env: AirflowEnv, tmp_path: Path
) -> None:
    """The unit tests end the writer at each of its requests; here a real one lives longer and longer, until it ends."""
    script = tmp_path / "sync.py"
    script.write_text(WRITER)
    settings = airflow_env.settings
    words = [str(settings.kubeconfig), author.delivered.bundle.target.config_map, str(author.folder)]
    command = [sys.executable, str(script), *words, settings.namespace, settings.name]
    old = author.store.read()
    killed: list[str] = []
    for number in count(1):
        (author.folder / "data.txt").write_text(f"{author.dag_id} {number}" * 50_000)
        new = pack(author.folder)
        try:
            run(command, timeout_s=0.1 * number)
            break
        except CommandError as error:
            killed.append(str(error))
        assert "no end after" in killed[-1]
        found = author.store.read()
        assert found in (old, new)
        old = found
    assert killed
    assert author.store.read() == new
    author.deliver()


# The part of a sync that writes, without the checks before it and the waiting after it.
WRITER = """
import sys
from pathlib import Path
from harness.delivery.pack import Package, pack
from harness.delivery.target import Target
from harness.delivery.versions import Versions
from harness.tools.k8s import Kubernetes

kubeconfig, config_map, folder, namespace, name = sys.argv[1:]
target = Target(namespace, config_map, "e2e", name, is_versioned=True)
Versions(Kubernetes(Path(kubeconfig)), target).write(pack(Path(folder)))
"""


def test_twelve_mebibytes_arrive_and_one_edit_writes_one_shard(
    author: Author, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(1)  # noqa: S311 - data that compresses about as source does
    for number in range(2000):
        package = author.folder / "e2e_large" / f"area_{number % 30}" / f"part_{number % 11}"
        package.mkdir(parents=True, exist_ok=True)
        values = (f"VALUE_{line} = '{rng.getrandbits(64):016x} of this module'" for line in range(140))
        (package / f"mod_{number}.py").write_text("\n".join((f"NUMBER = {number}", *values)))
    size = pack(author.folder).size_bytes
    assert size > 12 * 1024 * 1024
    whole = author.deliver()

    (author.folder / "e2e_large" / "area_7" / "part_7" / "mod_7.py").write_text("NUMBER = 70\n")
    (author.folder / "e2e_steps" / "words.py").write_text(
        "from e2e_large.area_7.part_7.mod_7 import NUMBER\nfrom e2e_large.area_8.part_8.mod_8 import VALUE_3\n"
        "WORD = f' {NUMBER} {VALUE_3[17:]}'\n"
    )
    edit = author.deliver()

    assert edit.change.written_bytes * 5 < whole.change.written_bytes
    with capsys.disabled():
        for name, delivery in (("all", whole), ("an edit", edit)):
            written = delivery.change.written_bytes
            print(f"\n  {size} bytes, {name}: {written} bytes written, live in {delivery.seconds:.1f} s")  # noqa: T201
    author.check(runs.start(author.dag_id), "old", "70 of this module")


@pytest.mark.slow
@pytest.mark.timeout(900, func_only=True)
def test_fifty_syncs_in_a_row_while_runs_go_on(author: Author, runs: Runs) -> None:
    started: list[tuple[Run, str]] = []
    for number in range(50):
        word = f"word {number}"
        author.save(word)
        assert author.env.airflow.import_errors(bundle_name="e2e") == []
        if number % 10 == 0:
            started.append((runs.start(author.dag_id, {"seconds": 10}), word))

    for observed, word in started:
        author.check(observed, word)
    assert author.env.airflow.import_errors(bundle_name="e2e") == []
    version = pack(author.folder).version
    stale = [
        dag.dag_id
        for dag in author.env.airflow.dags(bundle_name="e2e")
        if dag.dag_id == author.dag_id and dag.bundle_version != version
    ]
    assert stale == []
    assert author.env.airflow.dag_source(author.dag_id) == two_steps(author.dag_id, "word 49")


def test_history_diff_and_rollback_from_the_command_line(airflow_env: AirflowEnv, tmp_path: Path) -> None:
    """The DAGs folder's own bundle, by the commands that a person types; at the end it is as it was."""
    dags = airflow_env.environment.parts.dags
    before = dags.history()[0].version
    folder = tmp_path / "dags"
    folder.mkdir()
    for path, content in dags.package().files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "e2e_extra.py").write_text(say("e2e_extra", "hello"))

    def harness(*words: str, code: int = 0) -> str:
        result = run(
            [str(Path(sys.executable).with_name("harness")), "dags", *words],
            env={"HARNESS_NAME": airflow_env.settings.name, "HARNESS_DAGS": str(folder), "COLUMNS": "80"},
            cwd=airflow_env.settings.project,
            timeout_s=120,
            check=False,
        )
        assert result.returncode == code, result.stdout + result.stderr
        return result.stdout

    try:
        assert "e2e_extra.py: only in the folder" in harness("diff", code=1)
        assert harness("sync").startswith("live: 1 DAG added in ")
        assert "the cluster has what the folder has" in harness("diff")
        assert f"back at version {before}" in harness("rollback")
        assert "e2e_extra.py: only in the folder" in harness("diff", code=1)
        newest = harness("history").splitlines()[1]
        assert newest.split()[0] == before
        assert newest.partition(" KiB ")[2].split(",")[0].strip() == "current"  # in a checkout its commit follows
        assert airflow_env.airflow.dag("e2e_extra") is None or airflow_env.airflow.dag("e2e_extra").is_stale  # type: ignore[union-attr]
    finally:
        dags.sync()
