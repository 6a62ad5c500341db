"""Backup and restore: what is refused before anything changes, and what is done in which order."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from harness.backup.database import Database
from harness.backup.metadata import reset_statement
from harness.backup.steps import REMOVE_LOGS, Backups
from harness.command import CommandError
from harness.errors import HarnessError, UsageError
from harness.release import Release
from harness.steps import Step, run_steps
from harness.tools.k8s import Kubernetes

from ..fakes.clock import FakeTime
from ..fakes.command import FakeCommands
from ..fakes.kubernetes import FakeApiServer, worker_pod
from ..fakes.reporter import FakeReporter
from ..samples import DOCKER, settings_of
from . import pod

OLD_KEY, NEW_KEY = "key-of-the-backup", "key-of-the-cluster"
SECRET = ("secrets", "tools", "airflow-internal")
LABELS = {"app.kubernetes.io/instance": "airflow", "app.kubernetes.io/version": "3.3.2"}


@dataclass
class FakeRelease:
    """A release that Helm makes again, whatever was deleted."""

    is_current: bool = True
    done: list[str] = field(default_factory=list)

    def is_installed(self) -> bool:
        return self.is_current

    def install(self) -> None:
        self.done.append("install")


@dataclass
class Scene:
    """An environment with a database, and what is done to it in `done`."""

    server: FakeApiServer
    commands: FakeCommands
    release: FakeRelease
    backups: Backups
    folder: Path

    @property
    def done(self) -> list[str]:
        return self.release.done

    def save(self, path: Path | None = None) -> Path:
        return self.backups.save(path or self.folder / "a.backup", FakeReporter()).path

    def restore(self, path: Path, *, force: bool = False) -> FakeReporter:
        reporter = FakeReporter()
        self.backups.restore(path, reporter, self._more, force=force)
        return reporter

    def _more(self) -> Iterator[Step]:
        yield Step("healthy", None, lambda _: self.done.append("healthy"))

    def key(self, text: str = "") -> str:
        if text:
            put(self.server, "secrets", "airflow-internal", data={"fernet-key": b64encode(text.encode()).decode()})
        return b64decode(self.server.objects[SECRET]["data"]["fernet-key"]).decode()


def put(server: FakeApiServer, plural: str, name: str, **others: Any) -> None:
    server.put(plural, {"metadata": {"name": name, "namespace": "tools", "labels": dict(LABELS)}, **others})


@pytest.fixture
def scene(
    server: FakeApiServer, kubernetes: Kubernetes, commands: FakeCommands, time: FakeTime, tmp_path: Path
) -> Scene:
    settings, release = settings_of(tmp_path), FakeRelease()
    put(server, "statefulsets", "airflow-postgresql")
    put(server, "deployments", "airflow-scheduler")
    put(server, "jobs", "airflow-setup-1")
    for name in ("airflow-postgresql-0", "airflow-scheduler-1", "airflow-setup-1-x"):
        put(server, "pods", name, status={"phase": "Running"})
    commands.on(*pod.ask(pod.HAS_TABLES), stdout="alembic_version\n")
    commands.on(*pod.ask(pod.REVISION), stdout="d2f4e1b3c5a7\n")
    commands.on(*pod.ask(pod.COUNT), stdout="12\n")
    commands.on(*pod.ask(pod.COUNT, "airflow_restored"), stdout="12\n")
    commands.on(*pod.ask(pod.BUSY), stdout="0\n")
    commands.on(*pod.DUMP, stdout="PGDMP content")
    for words in (pod.READ_BACK, pod.FILL_BESIDE, pod.MAKE_BESIDE, pod.UNMARK):
        commands.on(*words)
    backups = Backups(settings, kubernetes, Database(DOCKER, settings), cast("Release", release), time.clock)
    made = Scene(server, commands, release, backups, tmp_path)
    commands.on(*pod.SWAP, does=lambda _: made.done.append(f"swap beside {sorted(names(server, 'pods'))}"))
    made.key(OLD_KEY)
    return made


def names(server: FakeApiServer, plural: str) -> list[str]:
    return [name for kind, _, name in server.objects if kind == plural]


def test_backup_without_a_name_is_one_file_in_the_state_folder(scene: Scene) -> None:
    backup = scene.backups.save(None, FakeReporter())
    assert backup.path.parent == scene.backups.settings.state / "backups"
    assert list(backup.path.parent.iterdir()) == [backup.path]
    assert backup.path.name.startswith("dev-2")
    assert (backup.manifest.airflow, backup.manifest.revision, backup.manifest.dag_runs) == (
        "3.3.2",
        "d2f4e1b3c5a7",
        12,
    )
    assert backup.size_bytes == backup.path.stat().st_size


def test_taken_name_and_missing_folder_are_refused_at_once(scene: Scene) -> None:
    (scene.folder / "taken").touch()
    for path, why in ((scene.folder / "taken", "already"), (scene.folder / "none" / "a.backup", "none is not there")):
        with pytest.raises(UsageError, match=why):
            scene.save(path)
    assert scene.commands.calls == []


def test_backup_of_a_failed_dump_leaves_no_file(scene: Scene) -> None:
    scene.commands.answers = [one for one in scene.commands.answers if list(one.argv) != pod.DUMP]
    scene.commands.on(*pod.DUMP, stdout="PGDMP", returncode=1, stderr="connection refused")
    with pytest.raises(CommandError, match="connection refused"):
        scene.save()
    assert [path.name for path in scene.folder.iterdir() if "backup" in path.name] == []


def test_empty_database_is_not_backed_up(scene: Scene) -> None:
    scene.commands.answers = []
    scene.commands.on(*pod.ask(pod.HAS_TABLES), stdout="\n")
    with pytest.raises(HarnessError, match="no tables of Airflow"):
        scene.save()


def test_external_database_is_refused(scene: Scene) -> None:
    path = scene.save()
    del scene.server.objects["statefulsets", "tools", "airflow-postgresql"]
    with pytest.raises(UsageError, match="no StatefulSet airflow-postgresql"):
        scene.save(scene.folder / "b.backup")
    with pytest.raises(UsageError, match="no StatefulSet airflow-postgresql") as caught:
        scene.restore(path)
    assert "your own database" in caught.value.next_step


def test_restore_swaps_with_airflow_stopped_and_restores_the_key(scene: Scene) -> None:
    path = scene.save()
    scene.key(NEW_KEY)
    reporter = scene.restore(path)
    assert scene.done == ["swap beside ['airflow-postgresql-0']", "install", "healthy"]
    assert names(scene.server, "deployments") == names(scene.server, "jobs") == []
    assert scene.key() == OLD_KEY
    assert "12 DAG runs" in reporter.texts[0]
    order = [words for words in scene.commands.argvs if words in (pod.FILL_BESIDE, pod.UNMARK, pod.SWAP)]
    assert order == [pod.FILL_BESIDE, pod.UNMARK, pod.SWAP]


def test_dump_that_cannot_be_restored_leaves_all_as_it_was(scene: Scene) -> None:
    path = scene.save()
    scene.commands.answers = [one for one in scene.commands.answers if list(one.argv) != pod.FILL_BESIDE]
    scene.commands.on(*pod.FILL_BESIDE, returncode=1, stderr="unsupported version")
    before = dict(scene.server.objects)
    with pytest.raises(CommandError, match="unsupported version"):
        scene.restore(path)
    assert scene.server.objects == before
    assert scene.done == []


def test_airflow_is_started_again_when_the_swap_fails(scene: Scene) -> None:
    path = scene.save()
    scene.key(NEW_KEY)
    scene.commands.answers = [one for one in scene.commands.answers if list(one.argv) != pod.SWAP]
    scene.commands.on(*pod.SWAP, returncode=1, stderr="still in use")
    with pytest.raises(CommandError, match="still in use"):
        scene.restore(path)
    assert scene.done == ["install"]
    assert scene.key() == NEW_KEY


def test_running_tasks_are_named_and_end_only_by_force(scene: Scene) -> None:
    path = scene.save()
    scene.server.put("pods", worker_pod("greet-0", phase="Succeeded"))
    for number in (1, 2, 3, 4):
        scene.server.put("pods", worker_pod(f"greet-{number}", phase="Running"))
    with pytest.raises(UsageError, match=r"tasks run.*: greet-1, greet-2, greet-3 and 1 more$") as caught:
        scene.restore(path)
    assert "--force" in caught.value.next_step
    assert scene.done == []
    scene.restore(path, force=True)
    assert names(scene.server, "pods") == ["airflow-postgresql-0"]


@pytest.mark.parametrize(
    ("here", "refused"), [("3.3.2", False), ("3.10.0", False), ("4.0", False), ("3.3.1", True), ("2.11.0", True)]
)
def test_backup_of_newer_airflow_is_refused_and_older_migrated(scene: Scene, here: str, refused: bool) -> None:
    path = scene.save()
    scene.server.objects["statefulsets", "tools", "airflow-postgresql"]["metadata"]["labels"] |= {
        "app.kubernetes.io/version": here
    }
    if refused:
        with pytest.raises(UsageError, match=rf"of Airflow 3\.3\.2, which is newer than {here} here"):
            scene.restore(path)
    else:
        scene.restore(path)
    assert ("healthy" in scene.done) is not refused


def test_release_of_another_state_of_the_project_is_refused(scene: Scene) -> None:
    path = scene.save()
    scene.release.is_current = False
    with pytest.raises(UsageError, match="not that of this project") as caught:
        scene.restore(path)
    assert caught.value.next_step == "`harness up` installs it; then restore again"


def test_missing_key_is_named(scene: Scene) -> None:
    del scene.server.objects[SECRET]
    with pytest.raises(UsageError, match="tools/airflow-internal has no fernet-key"):
        scene.save()


def reset(scene: Scene, *, force: bool = False) -> FakeReporter:
    reporter = FakeReporter()
    run_steps(scene.backups.reset_steps(force=force), reporter, scene.backups.clock)
    return reporter


def test_reset_is_one_statement_and_stops_nothing(scene: Scene) -> None:
    removal = ["docker", "exec", pod.NODE, *REMOVE_LOGS]
    scene.commands.on(*pod.RESET)
    scene.commands.on(*removal)
    assert reset(scene).outcomes["worker pods"] == "unchanged"
    assert scene.commands.argvs == [pod.ask(pod.HAS_TABLES), pod.ask(pod.BUSY), pod.RESET, removal]
    assert names(scene.server, "pods") == ["airflow-postgresql-0", "airflow-scheduler-1", "airflow-setup-1-x"]


def test_reset_under_a_task_is_refused_unless_forced(scene: Scene) -> None:
    worker = worker_pod("hello-greet-x")
    scene.server.put("pods", worker | {"status": {"phase": "Running"}})
    with pytest.raises(UsageError, match=r"tasks run.*: hello-greet-x"):
        reset(scene)
    assert scene.commands.argvs == []
    scene.commands.on(*pod.RESET)
    scene.commands.on("docker", "exec", pod.NODE, *REMOVE_LOGS)
    reset(scene, force=True)
    assert "hello-greet-x" not in names(scene.server, "pods")


def test_task_without_a_pod_is_reset_and_restored_only_by_force(scene: Scene) -> None:
    path = scene.save()
    scene.commands.answers = [one for one in scene.commands.answers if list(one.argv) != pod.ask(pod.BUSY)]
    scene.commands.on(*pod.ask(pod.BUSY), stdout="2\n")
    scene.commands.calls.clear()
    for act in (partial(reset, scene), partial(scene.restore, path)):
        with pytest.raises(UsageError, match=r"tasks run or are queued.*: 2 in the database$") as caught:
            act()
        assert "--force" in caught.value.next_step
    assert scene.commands.argvs == [pod.ask(pod.HAS_TABLES), pod.ask(pod.BUSY)] * 2
    assert scene.done == []
    scene.commands.on(*pod.RESET)
    scene.commands.on("docker", "exec", pod.NODE, *REMOVE_LOGS)
    reset(scene, force=True)
    scene.restore(path, force=True)
    assert pod.RESET in scene.commands.argvs
    assert pod.SWAP in scene.commands.argvs


def test_force_needs_no_answer_of_the_database_about_tasks(scene: Scene) -> None:
    path = scene.save()
    scene.commands.calls.clear()
    scene.restore(path, force=True)
    assert pod.ask(pod.BUSY) not in scene.commands.argvs


def test_reset_without_an_embedded_database_is_refused(scene: Scene) -> None:
    scene.server.remove("statefulsets", "tools", "airflow-postgresql")
    with pytest.raises(UsageError, match="no StatefulSet"):
        reset(scene)
    assert scene.commands.argvs == []


def test_reset_takes_the_pool_s_size_from_the_values(scene: Scene) -> None:
    values = scene.backups.settings.values_files[0]
    values.parent.mkdir(parents=True, exist_ok=True)
    values.write_text("config: {core: {default_pool_task_slot_count: 7}}\n")
    scene.commands.on(*pod.tell(reset_statement(7), database="airflow"))
    scene.commands.on("docker", "exec", pod.NODE, *REMOVE_LOGS)
    assert reset(scene).outcomes["metadata"] == "done"
