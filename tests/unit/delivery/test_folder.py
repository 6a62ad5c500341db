"""The DAGs folder against the cluster: what is checked, delivered, compared and gone back to."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.delivery.folder import DagFolder
from harness.delivery.live import Delivering, Delivery
from harness.delivery.pack import Package
from harness.delivery.problem import Problem, RefusedError
from harness.delivery.target import Change, DriftError, Target
from harness.delivery.verdict import Note, Verdict
from harness.errors import UsageError
from harness.tools.k8s import Kubernetes

from ..fakes.airflow import FakeAirflow
from ..fakes.kubernetes import FakeApiServer

TARGET = Target("tools", "airflow-dags", "dags", "dev", is_versioned=True)
POINTER = ("configmaps", "tools", "airflow-dags")
GOOD = Verdict((), (Note("dags/a.py", 1, "not checked: x"),), {}, 0.1)
BAD = Verdict((Problem("dags/a.py", 2, "No module named 'x'", "install it"),), (), {}, 0.1)


@dataclass
class Scene:
    """A folder, a gate that says `verdict`, and an Airflow that has all at once."""

    folder: Path
    kubernetes: Kubernetes
    airflow: FakeAirflow = field(default_factory=FakeAirflow)
    verdict: Verdict = GOOD
    gated: list[Package] = field(default_factory=list)
    target: Target = TARGET

    @property
    def dags(self) -> DagFolder:
        return DagFolder(self.folder, self.target, lambda: self.kubernetes, self._delivering, self._gate)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def _gate(self, package: Package) -> Verdict:
        self.gated.append(package)
        return self.verdict

    def _delivering(self, target: Target) -> Delivering:
        return AtOnce(self.kubernetes, self.airflow.client(), target)


class AtOnce(Delivering):
    """Delivers without waiting for an Airflow."""

    def make_live(self, package: Package, write: Callable[[], Change]) -> Delivery:  # noqa: ARG002 - nobody waits for it
        return Delivery(write(), 1.0)


@pytest.fixture
def scene(tmp_path: Path, kubernetes: Kubernetes) -> Scene:
    folder = tmp_path / "dags"
    folder.mkdir()
    made = Scene(folder, kubernetes)
    made.write("a.py", "x = 1\n")
    return made


def test_sync_goes_through_the_gate_and_hands_on_its_notes(scene: Scene) -> None:
    delivery = scene.dags.sync()
    assert delivery.change.added == ("a.py",)
    assert delivery.notes == ("dags/a.py:1: not checked: x",)
    assert scene.gated[0].files == {"a.py": b"x = 1\n"}
    assert scene.dags.compare() == "same"


def test_wait_for_what_the_cluster_holds_writes_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.dags.sync()
    scene.write("a.py", "x = 2\n")
    waited: list[tuple[Package, Change]] = []
    monkeypatch.setattr(AtOnce, "make_live", lambda _, package, write: waited.append((package, write())))
    scene.dags.wait_until_live()
    assert waited == [(Package({"a.py": b"x = 1\n"}), Change())]


def test_what_the_gate_refuses_is_not_written(scene: Scene, server: FakeApiServer) -> None:
    scene.dags.sync()
    before = dict(server.objects)
    scene.write("a.py", "import x\n")
    scene.verdict = BAD
    for verb in (scene.dags.sync, scene.dags.write, scene.dags.check):
        with pytest.raises(RefusedError, match=r"dags/a.py:2: No module named 'x'\n    fix: install it"):
            verb()
    assert server.objects == before


def test_without_checks_broken_files_are_delivered_and_history_says_so(scene: Scene) -> None:
    scene.write("a.py", "def f(:\n")
    with pytest.raises(RefusedError, match="SyntaxError"):
        scene.dags.sync()
    scene.dags.sync(is_verified=False)
    assert scene.gated == []
    assert [version.is_verified for version in scene.dags.history()] == [False]


def test_files_that_were_delivered_unchecked_are_compiled_by_the_next_sync(scene: Scene) -> None:
    scene.write("a.py", "def f(:\n")
    scene.dags.sync(is_verified=False)
    with pytest.raises(RefusedError, match="SyntaxError"):
        scene.dags.sync()


def test_history_has_the_newest_first_and_counts_the_runs_that_need_a_version(scene: Scene) -> None:
    scene.dags.sync()
    old = scene.dags.package().version
    scene.write("a.py", "x = 2\n")
    scene.dags.sync()
    run = {"dag_id": "a", "dag_run_id": "r", "state": "queued", "bundle_version": old}
    scene.airflow.runs = [run, {**run, "dag_run_id": "s", "bundle_version": None}]
    newest, oldest = scene.dags.history()
    assert (newest.version, newest.is_current, newest.unfinished_runs) == (scene.dags.package().version, True, 0)
    assert (oldest.version, oldest.is_current, oldest.unfinished_runs) == (old, False, 1)
    assert (oldest.files, oldest.size_bytes) == (1, 6)


def test_rollback_points_to_the_version_before(scene: Scene) -> None:
    scene.dags.sync()
    old = scene.dags.package().version
    scene.write("a.py", "x = 2\n")
    scene.dags.sync()
    version, delivery = scene.dags.rollback()
    assert version == old
    assert delivery.change.changed == ("a.py",)
    assert scene.dags.store.read() == {"a.py": b"x = 1\n"}
    assert scene.dags.compare() == "differs"


def test_rollback_over_another_hand_s_edit_needs_force(scene: Scene, server: FakeApiServer) -> None:
    scene.dags.sync()
    scene.write("a.py", "x = 2\n")
    scene.dags.sync()
    server.objects[POINTER]["data"] = {"version": "edited"}
    wanted = scene.dags.history()[1].version
    with pytest.raises(DriftError):
        scene.dags.rollback(wanted)
    assert scene.dags.rollback(wanted, force=True)[0] == wanted


def test_diff_tells_each_file_and_works_on_a_folder_that_cannot_be_delivered(scene: Scene) -> None:
    scene.write("gone.sql", "select 1")
    (scene.folder / "logo.png").write_bytes(b"\xff")
    scene.dags.sync()
    assert scene.dags.diff() == []
    (scene.folder / "gone.sql").unlink()
    scene.write("a.py", "def f(:\n")
    scene.write("new.txt", "n\n")
    (scene.folder / "logo.png").write_bytes(b"\xfe")
    found = {one.path: one for one in scene.dags.diff()}
    assert found["a.py"].text == "--- cluster/a.py\n+++ folder/a.py\n@@ -1 +1 @@\n-x = 1\n+def f(:\n"
    assert (found["gone.sql"].cluster, found["gone.sql"].folder) == (True, False)
    assert (found["new.txt"].cluster, found["new.txt"].folder) == (False, True)
    assert found["logo.png"].text == "binary file logo.png differs\n"


def test_a_plain_mount_has_no_history(scene: Scene) -> None:
    scene.target = replace(TARGET, is_versioned=False)
    scene.dags.sync()
    assert scene.dags.store.read() == {".airflowignore": b"..*\n", "a.py": b"x = 1\n"}
    assert scene.dags.diff() == []
    for verb in (scene.dags.history, scene.dags.rollback):
        with pytest.raises(UsageError, match="the DAG bundle `dags` has no versions"):
            verb()
