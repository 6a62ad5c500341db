"""The DAGs folder against the cluster: what is checked, delivered, compared and gone back to."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.delivery.folder import DagFolder
from harness.delivery.live import Bundle
from harness.delivery.origin import Origin
from harness.delivery.pack import Package
from harness.delivery.target import DriftError
from harness.errors import UsageError, Verb, put_in_words
from harness.gate.gate import Gate
from harness.gate.problem import Problem, RefusedError
from harness.gate.verdict import Definitions, Note, Verdict
from harness.settings import Settings
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import Unreachable

from ..fakes.airflow import DAG, FakeAirflow
from ..fakes.kubernetes import FakeApiServer
from ..samples import DOCKER, settings_of

POINTER = ("configmaps", "tools", "airflow-dags")
NOTE = Note("dags/a.py", 1, "not checked: x")
BAD = Problem("dags/a.py", 2, "No module named 'x'", "install it")
VERSIONED = "dags: {bundles: [{name: dags, configMap: airflow-dags, versioned: true}]}\n"


@dataclass(frozen=True)
class FakeGate(Gate):
    """Says what it was told to, and that files define what their text says."""

    problems: list[Problem] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def check(self, files: Mapping[str, bytes], **others: Any) -> Verdict:
        self.asked.append({"files": files, **others})
        found = {
            "".join(dag_id): path
            for path, text in files.items()
            for dag_id in DAG.findall(text.decode(errors="replace"))
        }
        return Verdict(tuple(self.problems), (NOTE,), Definitions(found), 0.1)


@dataclass
class Scene:
    """A folder, a gate, and an Airflow that runs at once what the cluster holds."""

    settings: Settings
    server: FakeApiServer
    kubernetes: Kubernetes
    gate: FakeGate
    airflow: FakeAirflow = field(default_factory=FakeAirflow)

    @property
    def folder(self) -> Path:
        return self.settings.dags_folder

    @property
    def dags(self) -> DagFolder:
        return DagFolder(
            self.settings,
            lambda: self.gate,
            lambda: self.kubernetes,
            self.airflow.client,
            self.airflow.time.clock,
        )

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def delivered(self) -> bytes:
        return self.dags.store.read().files["a.py"]

    def follow(self) -> None:
        """Let Airflow have what the cluster holds."""
        store = self.dags.store
        files = {path: content.decode(errors="replace") for path, content in store.read().files.items()}
        current = self.server.objects.get(POINTER, {}).get("data", {}).get("version")
        if (self.airflow.bundle, self.airflow.version) != (files, current):
            self.airflow.parse(files, version=current)

    def start_processor(self, at: str, **spec: Any) -> None:
        container = {"name": "dag-processor", "state": {"running": {"startedAt": at}}}
        labels = {"app.kubernetes.io/component": "dag-processor"}
        self.server.put(
            "pods",
            {
                "metadata": {"name": "processor", "namespace": "tools", "labels": labels, "creationTimestamp": at},
                "spec": {"containers": [{"name": "dag-processor"}], **spec},
                "status": {"containerStatuses": [container]},
            },
        )

    def put(self, plural: str, name: str, data: dict[str, str], changed: str = "2026-11-22T12:00:00Z") -> None:
        times = [{"time": changed}]
        metadata = {"name": name, "namespace": "tools", "managedFields": times, "creationTimestamp": times[0]["time"]}
        self.server.put(plural, {"metadata": metadata, ("stringData" if plural == "secrets" else "data"): data})


@pytest.fixture
def scene(tmp_path: Path, server: FakeApiServer, kubernetes: Kubernetes) -> Scene:
    settings = settings_of(tmp_path)
    made = Scene(settings, server, kubernetes, FakeGate(DOCKER, "airflow:1", "dev", tmp_path / "lock"))
    made.folder.mkdir()
    made.write("a.py", "x = 1\n")
    settings.chart_folder.mkdir(parents=True)
    (settings.chart_folder / "values.yaml").write_text(VERSIONED)
    made.airflow.on_request = made.follow
    return made


def test_sync_goes_through_the_gate_and_hands_on_its_notes(scene: Scene) -> None:
    (scene.folder / "etl.sh").touch(0o755)
    (scene.folder / "inbox").mkdir()
    (scene.folder / ".env").touch()
    delivery = scene.dags.sync()
    assert delivery.change.added == ("a.py", "etl.sh", "inbox/")
    assert delivery.notes == ("dags/a.py:1: not checked: x",)
    (asked,) = scene.gate.asked
    assert asked["files"] == {"a.py": b"x = 1\n", "etl.sh": b""}
    assert (asked["executables"], asked["folders"], asked["left_out"]) == ({"etl.sh"}, ("inbox",), (".env",))
    assert scene.dags.compare() == "same"


def test_what_the_gate_found_is_kept_with_the_version(scene: Scene) -> None:
    scene.write("a.py", 'DAG("daily report")')
    for deliver in (scene.dags.write, scene.dags.sync):
        deliver()
        (version,) = scene.dags._versions().config_maps.list()
        assert version.defined == Definitions({"daily report": "a.py"})
        assert version.is_verified


def test_what_the_gate_refuses_is_not_written(scene: Scene, server: FakeApiServer) -> None:
    scene.dags.sync()
    before = dict(server.objects)
    scene.write("a.py", "import x\n")
    scene.gate.problems.append(BAD)
    for verb in (scene.dags.sync, scene.dags.write, scene.dags.check):
        with pytest.raises(RefusedError, match=r"dags/a.py:2: No module named 'x'\n    fix: install it"):
            verb()
    assert server.objects == before


def test_unchecked_broken_files_are_delivered_as_unverified(scene: Scene) -> None:
    scene.write("a.py", 'DAG("a")\ndef f(:\n')
    scene.dags.sync(is_verified=False)
    assert scene.gate.asked == []
    assert [version.is_verified for version in scene.dags.history()] == [False]


def test_gate_has_the_settings_and_variables_of_the_pods(scene: Scene) -> None:
    scene.put("secrets", "airflow-variables", {"TOKEN": "s3cr3t"})
    scene.put(
        "configmaps",
        "airflow-config",
        {
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX": "regexp",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "True",
            "AIRFLOW__TEAM__REGION": "eu",
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": "/opt/airflow/logs",
            "PYTHONPATH": "/opt/airflow/python",
        },
    )
    scene.put("configmaps", "cfg", {"airflow.cfg": "[core]\nparallelism = 7\n[database]\nsql_alchemy_conn = x://%s\n"})
    env = [{"name": "AIRFLOW__TEAM__REGION", "value": "us"}, {"name": "AIRFLOW__CORE__FERNET_KEY", "valueFrom": {}}]
    sources = [{"configMapRef": {"name": "airflow-config"}}, {"secretRef": {"name": "airflow-variables"}}]
    mounts = [{"name": "config", "mountPath": "/opt/airflow/airflow.cfg", "subPath": "airflow.cfg"}]
    scene.start_processor(
        "2026-11-22T12:00:00Z",
        containers=[{"name": "dag-processor", "env": env, "envFrom": sources, "volumeMounts": mounts}],
        volumes=[{"name": "config", "configMap": {"name": "cfg"}}, {"name": "tmp", "emptyDir": {}}],
    )
    scene.dags.check()
    (asked,) = scene.gate.asked
    assert asked["variables"] == {"TOKEN": "s3cr3t"}
    assert asked["settings"] == {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX": "regexp",
        "AIRFLOW__CORE__PARALLELISM": "7",
        "AIRFLOW__TEAM__REGION": "us",
    }


def test_without_a_cluster_the_settings_are_those_of_the_values(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"core": {"executor": "LocalExecutor", "dags_folder": "{{ include }}"}, "metrics": {"statsd_on": True}}
    (scene.settings.chart_folder / "values.yaml").write_text(json.dumps({"config": config}))
    overlay = scene.settings.values_files[0]
    overlay.parent.mkdir(parents=True)
    overlay.write_text("config: {core: {dag_discovery_safe_mode: false}}")

    def refuse(*_: Any, **__: Any) -> None:
        raise KubernetesError("kubeconfig", 0, "no such file")

    monkeypatch.setattr(Kubernetes, "list", refuse)
    scene.dags.check()
    (asked,) = scene.gate.asked
    assert asked["variables"] is None
    assert asked["settings"] == {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
    }


def test_variables_that_may_not_be_read_are_unknown_to_the_gate(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    get = Kubernetes.get

    def refuse(self: Kubernetes, kind: str, name: str, namespace: str = "") -> Any:
        if kind == "Secret":
            raise KubernetesError("GET secrets", 403, "Forbidden")
        return get(self, kind, name, namespace)

    monkeypatch.setattr(Kubernetes, "get", refuse)
    scene.dags.sync()
    assert scene.gate.asked[0]["variables"] is None


def test_plan_tells_what_a_sync_would_do_and_writes_nothing(scene: Scene) -> None:
    plan = scene.dags.plan()
    assert (plan.current, plan.would_change, plan.added) == ("", True, ("a.py",))
    scene.dags.sync()
    before = dict(scene.server.objects)
    scene.write("a.py", "x = 2\n")
    plan = scene.dags.plan()
    assert (plan.current, plan.version) == (scene.dags.store.read().version, scene.dags.package().version)
    assert (plan.would_change, plan.added, plan.changed, plan.removed) == (True, (), ("a.py",), ())
    assert scene.server.objects == before
    scene.dags.sync()
    assert not scene.dags.plan().would_change
    scene.server.objects[POINTER]["data"] = {"version": "theirs"}
    with pytest.raises(DriftError):
        scene.dags.plan()


def keep(origin: Origin, _: Path) -> Origin:
    return origin


def test_older_commit_does_not_go_over_a_newer_one_elsewhere(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.tools.git.Git.is_ancestor", lambda *_: None)
    old, new = (Origin(name, datetime(2026, 11, day, tzinfo=UTC)) for name, day in (("old", 1), ("new", 2)))
    settings = scene.settings.model_copy(update={"context": "team"})
    at = {one.commit: replace(scene.dags, settings=settings, read_origin=partial(keep, one)) for one in (old, new)}
    at["new"].sync()
    scene.write("a.py", "x = 2\n")
    with pytest.raises(UsageError, match="commit old, which is older than what the cluster has: commit new"):
        at["old"].sync()
    assert scene.dags.compare() == "differs"
    replace(at["old"], settings=scene.settings).sync()  # on kind everybody has a cluster of their own
    assert at["new"].origin() == old


@dataclass
class Team:
    """Sync the same cluster, each from a commit of its own day, the later the newer."""

    scene: Scene

    def at(self, day: int) -> DagFolder:
        origin = Origin(f"day-{day}", datetime(2026, 11, day, tzinfo=UTC))
        settings = self.scene.settings.model_copy(update={"context": "team"})
        return replace(self.scene.dags, settings=settings, read_origin=partial(keep, origin))

    def busy_at(self, day: int, meanwhile: Callable[[], object]) -> DagFolder:
        """Return a folder whose gate takes so long that something else happens."""

        def gate() -> FakeGate:
            meanwhile()
            return self.scene.gate

        return replace(self.at(day), gate=gate)

    def delivered(self) -> tuple[str, bytes]:
        return self.at(1).origin().commit, self.scene.delivered()


@pytest.fixture
def team(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setattr("harness.tools.git.Git.is_ancestor", lambda *_: None)
    return Team(scene)


MODES = pytest.mark.parametrize("values", [VERSIONED, VERSIONED.replace("true", "false")], ids=["versioned", "simple"])


@MODES
def test_newer_commit_that_comes_during_the_gate_stays(team: Team, scene: Scene, values: str) -> None:
    (scene.settings.chart_folder / "values.yaml").write_text(values)
    team.at(1).write()

    def deliver_newer() -> None:
        scene.write("a.py", "x = 3\n")
        team.at(3).write()

    scene.write("a.py", "x = 2\n")
    with pytest.raises(UsageError, match="commit day-2, which is older than what the cluster has: commit day-3"):
        team.busy_at(2, deliver_newer).sync()
    assert team.delivered() == ("day-3", b"x = 3\n")


@MODES
def test_newer_commit_of_the_same_files_is_noted(team: Team, scene: Scene, values: str) -> None:
    (scene.settings.chart_folder / "values.yaml").write_text(values)
    team.at(1).write()
    team.at(3).write()
    scene.write("a.py", "x = 2\n")
    with pytest.raises(UsageError, match="older than what the cluster has: commit day-3"):
        team.at(2).sync()
    assert team.delivered() == ("day-3", b"x = 1\n")


@MODES
def test_folder_that_is_not_as_planned_is_not_delivered(scene: Scene, values: str) -> None:
    (scene.settings.chart_folder / "values.yaml").write_text(values)
    scene.dags.write()
    scene.write("a.py", "x = 2\n")
    plan = scene.dags.plan()
    scene.write("a.py", "x = 3\n")
    with pytest.raises(UsageError, match="the folder has changed since you were asked") as caught:
        scene.dags.sync(planned=plan)
    assert caught.value.next_step == "`harness dags sync` asks again"
    assert scene.delivered() == b"x = 1\n"


@MODES
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("when", ["before", "during"])
def test_cluster_that_is_not_as_planned_is_left(team: Team, scene: Scene, values: str, when: str, force: bool) -> None:
    (scene.settings.chart_folder / "values.yaml").write_text(values)
    scene.dags.write()
    scene.write("a.py", "x = 2\n")
    plan = scene.dags.plan()

    def deliver_another() -> None:
        scene.write("a.py", "x = 3\n")
        scene.dags.write()
        scene.write("a.py", "x = 2\n")

    if when == "before":
        deliver_another()
    dags = team.busy_at(1, deliver_another if when == "during" else lambda: None)
    with pytest.raises(UsageError, match="the cluster has changed since you were asked"):
        dags.sync(planned=plan, force=force)
    assert scene.delivered() == b"x = 3\n"


def test_sync_as_planned_is_delivered(scene: Scene) -> None:
    scene.dags.write()
    scene.write("a.py", "x = 2\n")
    assert scene.dags.sync(planned=scene.dags.plan()).change.changed == ("a.py",)


RESTART = (
    "the dag-processor has the variables of before the last change of Secret airflow-variables; "
    "`harness kubectl -- -n tools delete pod -l app.kubernetes.io/component=dag-processor` starts it anew"
)


@pytest.mark.parametrize(("changed", "is_told"), [("2026-11-22T12:00:00Z", False), ("2026-11-22T12:00:02Z", True)])
def test_dag_processor_with_old_variables_is_told(scene: Scene, changed: str, is_told: bool) -> None:
    scene.start_processor("2026-11-22T12:00:01Z")
    scene.put("secrets", "airflow-variables", {"URL": "x"}, changed)
    assert put_in_words(scene.dags.sync().advice, "harness") == (RESTART if is_told else "")

    scene.write("a.py", 'DAG("a")')
    version = scene.dags.package().version
    trace = f'  File "/bundles/{version}/a.py", line 1\nKeyError: URL'
    scene.airflow.import_errors = [{"filename": "a.py", "bundle_name": "dags", "stack_trace": trace}]
    with pytest.raises(Unreachable, match="KeyError: URL") as caught:
        scene.dags.sync()
    assert caught.value.next_step == f"correct a.py and sync again{f'; {RESTART}' if is_told else ''}"
    assert caught.value.party == "product"


def test_superseded_sync_names_the_history_first(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.start_processor("2026-11-22T12:00:01Z")
    scene.put("secrets", "airflow-variables", {"URL": "x"}, "2026-11-22T12:00:02Z")

    def supersede(*_: Any, **__: Any) -> None:
        raise Unreachable("another sync came", next_step=Verb("dags history"), party="cluster")

    monkeypatch.setattr(Bundle, "deliver", supersede)
    with pytest.raises(Unreachable, match="another sync came") as caught:
        scene.dags.sync()
    assert caught.value.next_step == f"harness dags history; {RESTART}"
    assert caught.value.party == "cluster"


def test_history_is_newest_first_and_counts_runs_of_a_version(scene: Scene) -> None:
    (scene.folder / "inbox").mkdir()
    scene.dags.sync()
    old = scene.dags.package().version
    scene.airflow.time.seconds = 1
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
    assert scene.dags.store.read() == Package({"a.py": b"x = 1\n"})
    assert scene.dags.compare() == "differs"


def test_rollback_goes_where_it_was_asked_to_go(scene: Scene) -> None:
    scene.dags.sync()
    scene.airflow.time.seconds = 1
    scene.write("a.py", "x = 2\n")
    scene.dags.sync()
    asked_about = scene.dags.find()
    scene.airflow.time.seconds = 2
    scene.write("a.py", "x = 3\n")
    scene.dags.sync()
    assert scene.dags.find() != asked_about
    assert scene.dags.rollback(asked_about)[0] == asked_about
    assert scene.delivered() == b"x = 1\n"


def test_rollback_over_somebody_else_s_edit_needs_force(scene: Scene, server: FakeApiServer) -> None:
    scene.dags.sync()
    scene.airflow.time.seconds = 1
    scene.write("a.py", "x = 2\n")
    scene.dags.sync()
    wanted = scene.dags.history()[1].version
    server.objects[POINTER]["data"] = {"version": "edited"}
    with pytest.raises(DriftError):
        scene.dags.rollback(wanted)
    assert scene.dags.rollback(wanted, force=True)[0] == wanted


def test_diff_tells_each_file_also_of_a_refused_folder(scene: Scene) -> None:
    scene.write("gone.sql", "select 1")
    scene.write("etl.sh", "#!/bin/sh\n")
    (scene.folder / "inbox").mkdir()
    (scene.folder / "logo.png").write_bytes(b"\xff")
    scene.dags.write()
    assert scene.dags.diff() == []
    (scene.folder / "gone.sql").unlink()
    (scene.folder / "link").symlink_to("nowhere")
    (scene.folder / "inbox").rmdir()
    (scene.folder / "etl.sh").chmod(0o755)
    scene.write("a.py", "def f(:\n")
    scene.write("new.txt", "n\n")
    (scene.folder / "logo.png").write_bytes(b"\xfe")
    found = {one.path: one for one in scene.dags.diff()}
    assert found["a.py"].text == "--- cluster/a.py\n+++ folder/a.py\n@@ -1 +1 @@\n-x = 1\n+def f(:\n"
    assert (found["gone.sql"].cluster, found["gone.sql"].folder) == (True, False)
    assert (found["inbox/"].cluster, found["inbox/"].folder) == (True, False)
    assert (found["new.txt"].cluster, found["new.txt"].folder) == (False, True)
    assert found["logo.png"].text == "binary file logo.png differs\n"
    assert found["etl.sh"].text == "executable\n"
    assert len(found) == 6


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a\nb", "a\nc\n", ["-b", "\\ No newline at end of file", "+c"]),
        ("a\nb\n", "a\nb", ["-b", "+b", "\\ No newline at end of file"]),
        ("a", "b", ["-a", "\\ No newline at end of file", "+b", "\\ No newline at end of file"]),
        ("a\u2028b\x0c\n", "c\n", ["-a\u2028b\x0c", "+c"]),
        ("a\r\n", "a\n", ["-a\r", "+a"]),
    ],
    ids=["none before", "none after", "neither", "other line ends", "of Windows"],
)
def test_diff_of_line_ends(scene: Scene, before: str, after: str, shown: list[str]) -> None:
    (scene.folder / "q.sql").write_bytes(before.encode())
    scene.dags.write()
    (scene.folder / "q.sql").write_bytes(after.encode())
    (found,) = scene.dags.diff()
    assert [
        line for line in found.text.split("\n") if line[:1] in "-+\\" and line[:3] not in ("---", "+++", "")
    ] == shown


def test_a_plain_mount_has_no_history(scene: Scene) -> None:
    (scene.settings.chart_folder / "values.yaml").write_text("dags: {bundles: [{name: dags, configMap: airflow-dags}]}")
    scene.start_processor("2026-11-22T12:00:00Z")
    scene.dags.sync()
    assert scene.dags.store.read().files == {".airflowignore": b"..*\n", "a.py": b"x = 1\n"}
    assert scene.dags.diff() == []
    for verb in (scene.dags.history, scene.dags.rollback):
        with pytest.raises(UsageError, match="the DAG bundle `dags` has no versions"):
            verb()
