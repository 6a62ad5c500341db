"""Delivering: it ends when Airflow has the very text that was sent, and touches the dag-processor until then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from harness.delivery.live import Delivering
from harness.delivery.pack import Package
from harness.delivery.target import Target
from harness.delivery.versioned import VersionedStore
from harness.errors import HarnessError
from harness.tools.k8s import Json, Kubernetes
from harness.waiting import Unreachable, WaitTimeoutError

from ..fakes.airflow import FakeAirflow
from ..fakes.kubernetes import FakeApiServer

TARGET = Target("tools", "airflow-dags", "dags", "dev")
KEY = ("configmaps", "tools", "airflow-dags")


def dag_file(name: str, body: str = "") -> str:
    return f"@dag\ndef {name}(): ...\n{body}\n{name}()\n"


def package(**files: str) -> Package:
    return Package({name.replace("_py", ".py"): text.encode() for name, text in sorted(files.items())})


class Cluster:
    """A kubelet and a dag-processor: at the touch of the latter's pod Airflow gets the ConfigMap's files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = FakeApiServer()
        self.airflow = FakeAirflow()
        self.api = self.airflow.client()
        self.kubernetes: Kubernetes = self.server.client(monkeypatch)
        self.target = TARGET
        self.touches = 0
        self.deaf_touches = 0
        self.server.on_patch = self._touched
        labels = {"app.kubernetes.io/component": "dag-processor"}
        self.server.put("pods", {"metadata": {"name": "processor", "namespace": "tools", "labels": labels}})

    def deliver(self, **files: str) -> tuple[tuple[str, ...], ...]:
        change = self.delivering.deliver(package(**files)).change
        return change.added, change.changed, change.removed

    @property
    def delivering(self) -> Delivering:
        return Delivering(self.kubernetes, self.api, self.target, clock=self.airflow.time.clock)

    def _touched(self, item: Json) -> None:
        if "app.kubernetes.io/component" not in item["metadata"]["labels"]:
            return
        self.touches += 1
        if self.touches > self.deaf_touches:
            config_map = self.server.objects.get(KEY, {"data": {}})
            self.airflow.parse(dict(config_map["data"]))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return Cluster(monkeypatch)


def test_new_changed_and_removed_dags(cluster: Cluster) -> None:
    assert cluster.deliver(a_py=dag_file("a"), b_py=dag_file("b")) == (("a.py", "b.py"), (), ())
    assert cluster.deliver(a_py=dag_file("a", "new = 1")) == ((), ("a.py",), ("b.py",))
    assert cluster.touches == 2
    assert cluster.api.dag_source("a") == dag_file("a", "new = 1")


def test_same_files_need_no_touch(cluster: Cluster) -> None:
    cluster.deliver(a_py=dag_file("a"))
    assert cluster.deliver(a_py=dag_file("a")) == ((), (), ())
    assert cluster.touches == 1


def test_touch_that_came_too_early_is_repeated(cluster: Cluster) -> None:
    cluster.deaf_touches = 2
    cluster.deliver(a_py=dag_file("a"))
    assert cluster.touches == 3
    assert 6 <= cluster.airflow.time.seconds < 7


def test_unfinished_delivery_is_finished_by_the_next_one(cluster: Cluster) -> None:
    cluster.deaf_touches = 10**6
    with pytest.raises(WaitTimeoutError, match=r"a.py: DAG a is not known"):
        cluster.deliver(a_py=dag_file("a"))
    cluster.deaf_touches = 0
    assert cluster.deliver(a_py=dag_file("a")) == ((), (), ())


def test_old_text_is_not_live(cluster: Cluster) -> None:
    cluster.deliver(a_py=dag_file("a"))
    cluster.deaf_touches = 10**6
    with pytest.raises(WaitTimeoutError, match=r"a.py: DAG a is still the old version"):
        cluster.deliver(a_py=dag_file("a", "new = 1"))


def test_removed_dag_that_stays_is_named(cluster: Cluster) -> None:
    cluster.deliver(a_py=dag_file("a"), b_py=dag_file("b"))
    cluster.deaf_touches = 10**6
    with pytest.raises(WaitTimeoutError, match=r"b.py: removed, and DAG b is still there"):
        cluster.deliver(a_py=dag_file("a"))


def test_helper_without_a_dag_does_not_block_but_asks_for_a_parse(cluster: Cluster) -> None:
    cluster.deliver(a_py=dag_file("a"), helper_py="x = 1")
    cluster.deaf_touches = 2
    cluster.deliver(a_py=dag_file("a"), helper_py="x = 2")
    assert cluster.touches == 3


def test_import_error_ends_the_wait_with_its_trace(cluster: Cluster) -> None:
    cluster.airflow.import_errors = [{"filename": "other.py", "bundle_name": "dags", "stack_trace": "not ours"}]
    cluster.server.on_patch = lambda _: cluster.airflow.import_errors.append(
        {"filename": "a.py", "bundle_name": "dags", "stack_trace": "NameError: x"}
    )
    with pytest.raises(Unreachable, match=r"cannot import a.py:\nNameError: x"):
        cluster.deliver(a_py=dag_file("a"))
    assert cluster.airflow.time.seconds < 1


def test_import_error_of_the_old_file_is_given_time_to_go(cluster: Cluster) -> None:
    error = {"filename": "a.py", "bundle_name": "dags", "stack_trace": "NameError: x"}
    cluster.airflow.import_errors = [error]
    cluster.deaf_touches = 10**6  # as it is not imported, its source stays unknown
    with pytest.raises(Unreachable, match="NameError: x"):
        cluster.deliver(a_py=dag_file("a", "still = wrong"))
    assert 10 <= cluster.airflow.time.seconds < 11


def test_corrected_import_error_is_none(cluster: Cluster) -> None:
    cluster.airflow.import_errors = [{"filename": "a.py", "bundle_name": "dags", "stack_trace": "NameError: x"}]
    cluster.deaf_touches = 1
    parse = cluster.server.on_patch

    def parse_and_forget(pod: Json) -> None:
        parse(pod)
        if cluster.airflow.bundle:
            cluster.airflow.import_errors.clear()

    cluster.server.on_patch = parse_and_forget
    assert cluster.deliver(a_py=dag_file("a", "right = 1")) == (("a.py",), (), ())


def test_no_dag_processor_is_said_at_once(cluster: Cluster) -> None:
    cluster.server.remove("pods", "tools", "processor")
    with pytest.raises(HarnessError, match="no dag-processor pod"):
        cluster.deliver(a_py=dag_file("a"))


def test_withdraw_waits_until_the_dags_are_gone(cluster: Cluster) -> None:
    cluster.deliver(a_py=dag_file("a"))
    cluster.deaf_touches = 2
    cluster.delivering.withdraw()
    assert KEY not in cluster.server.objects
    assert cluster.api.dags() == []


class VersionedCluster(Cluster):
    """A dag-processor that follows the pointer and reads each file whenever it likes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        self.target = replace(TARGET, is_versioned=True)
        self.airflow.on_request = self._follow
        self.parses_late: set[str] = set()
        self.is_away = False

    def _follow(self) -> None:
        if self.is_away:
            return
        store = VersionedStore(self.kubernetes, self.target)
        found = store.current()
        files = {path: content.decode() for path, content in store.read().items()} if found else {}
        if found and self.airflow.version != found.version:
            late = {path: self.airflow.bundle[path] for path in self.parses_late if path in self.airflow.bundle}
            self.airflow.parse({**files, **late}, version=found.version)
        if found is None:
            self.airflow.parse({})
        for path in self.airflow.requested_parses:
            self.airflow.bundle[path] = files[path]
            self.airflow.parsed_at[path] = datetime.now(UTC) + timedelta(seconds=5)
        self.airflow.requested_parses.clear()


@pytest.fixture
def versioned(monkeypatch: pytest.MonkeyPatch) -> VersionedCluster:
    return VersionedCluster(monkeypatch)


def test_a_version_is_live_without_a_touch(versioned: VersionedCluster) -> None:
    assert versioned.deliver(a_py=dag_file("a"), b_py=dag_file("b")) == (("a.py", "b.py"), (), ())
    assert versioned.deliver(a_py=dag_file("a", "new = 1")) == ((), ("a.py",), ("b.py",))
    assert versioned.touches == 0
    assert versioned.api.dag_source("a") == dag_file("a", "new = 1")


def test_a_parse_that_began_before_the_new_version_is_asked_for_again(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("a"))
    versioned.parses_late = {"a.py"}
    versioned.deliver(a_py=dag_file("a", "new = 1"))
    assert versioned.api.dag_source("a") == dag_file("a", "new = 1")
    assert versioned.airflow.paths("PUT") == ["/api/v2/parseDagFile/token-of-a.py"]


def test_a_changed_helper_is_live_when_all_dags_were_parsed_since(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("a"), b_py=dag_file("b"), helper_py="x = 1")
    versioned.deliver(a_py=dag_file("a"), b_py=dag_file("b"), helper_py="x = 2")
    assert sorted(versioned.airflow.paths("PUT")) == [
        "/api/v2/parseDagFile/token-of-a.py",
        "/api/v2/parseDagFile/token-of-b.py",
    ]


def test_a_version_that_airflow_does_not_take_is_named(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("a"))
    versioned.is_away = True
    wanted = package(a_py=dag_file("a", "new = 1")).version
    with pytest.raises(WaitTimeoutError, match=f"a.py: DAG a is not of version {wanted} yet"):
        versioned.deliver(a_py=dag_file("a", "new = 1"))


def test_old_versions_are_collected_but_for_those_that_runs_need(versioned: VersionedCluster) -> None:
    first = package(a_py=dag_file("a", "number = 0"))
    versioned.airflow.runs = [{"dag_id": "a", "dag_run_id": "r", "state": "running", "bundle_version": first.version}]
    for number in range(8):
        versioned.deliver(a_py=dag_file("a", f"number = {number}"))
    left = {version.version for version in VersionedStore(versioned.kubernetes, versioned.target).versions.list()}
    assert len(left) == 6
    assert first.version in left


def test_withdraw_of_versions_waits_until_the_dags_are_gone(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("a"))
    versioned.delivering.withdraw()
    assert not [key for key in versioned.server.objects if key[0] == "configmaps"]
