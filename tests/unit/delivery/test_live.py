"""Delivering: it ends when Airflow has exactly the DAGs that were sent, and touches the dag-processor until then."""

from dataclasses import replace

import pytest

from harness.delivery.live import Bundle, Delivery
from harness.delivery.pack import Package
from harness.delivery.target import Target
from harness.delivery.versions import Versions
from harness.errors import HarnessError
from harness.gate.verdict import Definitions
from harness.tools import Json
from harness.tools.k8s import Kubernetes
from harness.waiting import Unreachable, WaitTimeoutError

from ..fakes.airflow import DAG, FakeAirflow
from ..fakes.kubernetes import FakeApiServer

TARGET = Target("tools", "airflow-dags", "dags", "dev")
KEY = ("configmaps", "tools", "airflow-dags")


def dag_file(name: str, body: str = "") -> str:
    return f"@dag\ndef {name}(): ...\n{body}\n{name}()\n"


def package(**files: str) -> Package:
    return Package({to_path(name): text.encode() for name, text in sorted(files.items())})


def to_path(name: str) -> str:
    return name.replace("_py", ".py").replace("_yaml", ".yaml").replace("_zip", ".zip")


def define(files: Package, *, uncertain: str = "", imported: str = "") -> Definitions:
    """Return what the gate says of files whose text tells their DAGs."""
    found = {"".join(dag_id): path for path, content in files.files.items() for dag_id in DAG.findall(content.decode())}
    return Definitions(found, frozenset(uncertain.split()), frozenset(imported.split()))


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
        found = package(**files)
        change = self.bundle.deliver(found, define(found)).change
        return change.added, change.changed, change.removed

    @property
    def bundle(self) -> Bundle:
        return Bundle(self.kubernetes, self.api, self.target, self.airflow.time.clock)

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


def test_helper_without_a_dag_asks_for_a_parse_blocks_nothing(cluster: Cluster) -> None:
    cluster.deliver(a_py=dag_file("a"), helper_py="x = 1")
    cluster.airflow.time.seconds = 60
    cluster.deaf_touches = 3
    cluster.deliver(a_py=dag_file("a"), helper_py="x = 2")
    assert cluster.touches == 4


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


def test_remove_waits_until_the_dags_are_gone(cluster: Cluster) -> None:
    cluster.deliver(a_py=dag_file("a"))
    cluster.deaf_touches = 2
    cluster.bundle.remove()
    assert KEY not in cluster.server.objects
    assert cluster.api.dags() == []


def test_changed_file_of_no_dag_asks_for_a_parse_of_all(cluster: Cluster) -> None:
    cluster.deliver(a_py=dag_file("a"), names_yaml="x")
    cluster.airflow.time.seconds = 60
    cluster.deaf_touches = 3
    cluster.deliver(a_py=dag_file("a"))
    assert cluster.touches == 4


def test_renamed_dag_is_waited_for_to_go(cluster: Cluster) -> None:
    cluster.deliver(a_py=dag_file("old"))
    cluster.airflow.lingering = {"old": "a.py"}
    with pytest.raises(WaitTimeoutError, match=r"a.py: DAG old is no longer defined, and still there$"):
        cluster.deliver(a_py=dag_file("new"))
    cluster.airflow.time.at(cluster.airflow.time.seconds + 5, cluster.airflow.lingering.clear)
    cluster.deliver(a_py=dag_file("new"))


class VersionedCluster(Cluster):
    """A dag-processor that follows the pointer and reads each file whenever it likes.

    `parses_late` are files that it had begun to read before, `zipped` what a zip file holds.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        self.target = replace(TARGET, is_versioned=True)
        self.airflow.on_request = self._follow
        self.parses_late: set[str] = set()
        self.zipped: dict[str, dict[str, str]] = {}
        self.is_away = False

    @property
    def versions(self) -> Versions:
        return Versions(self.kubernetes, self.target)

    def deliver_unverified(self, **files: str) -> Delivery:
        return self.bundle.deliver(package(**files))

    def _follow(self) -> None:
        if self.is_away:
            return
        current = self.versions.current()
        read = self.versions.read().files
        files = {path: content.decode() for path, content in read.items() if path not in self.zipped}
        for path in self.zipped.keys() & read.keys():
            files |= {f"{path}/{name}": text for name, text in self.zipped[path].items()}
        version = current.version if current else None
        if self.airflow.version != version:
            late = {path: self.airflow.trees[path] for path in self.parses_late & self.airflow.bundle.keys()}
            old = {path: self.airflow.bundle[path] for path in late if path in files}
            self.airflow.parse({**files, **old}, version=version)
            self.airflow.trees |= late
        for path in self.airflow.requested_parses:
            self.airflow.bundle[path] = files[path]
            self.airflow.trees[path] = version
        self.airflow.requested_parses.clear()


@pytest.fixture
def versioned(monkeypatch: pytest.MonkeyPatch) -> VersionedCluster:
    return VersionedCluster(monkeypatch)


def test_a_version_is_live_without_a_touch(versioned: VersionedCluster) -> None:
    assert versioned.deliver(a_py=dag_file("a"), b_py=dag_file("b")) == (("a.py", "b.py"), (), ())
    assert versioned.deliver(a_py=dag_file("a", "new = 1")) == ((), ("a.py",), ("b.py",))
    assert versioned.touches == 0
    assert versioned.api.dag_source("a") == dag_file("a", "new = 1")


def test_delivery_that_another_one_overtakes_is_told(versioned: VersionedCluster) -> None:
    versioned.is_away = True
    other = package(b_py=dag_file("b"))
    versioned.airflow.time.at(2, lambda: versioned.versions.write(other))
    with pytest.raises(Unreachable, match=f"another sync made version {other.version} current before it was live"):
        versioned.deliver(a_py=dag_file("a"))
    assert versioned.airflow.time.seconds < 4


def test_parse_that_began_too_early_is_asked_for_again(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("a"))
    versioned.parses_late = {"a.py"}
    versioned.deliver(a_py=dag_file("a", "new = 1"))
    assert versioned.api.dag_source("a") == dag_file("a", "new = 1")
    assert versioned.airflow.paths("PUT") == ["/api/v2/parseDagFile/token-of-a.py"]


@pytest.mark.parametrize(
    "after",
    [
        {"helper_py": "x = 2", "names_yaml": "x"},
        {"helper_py": "x = 1", "names_yaml": "y"},
        {"helper_py": "x = 1"},
        {"names_yaml": "x"},
        {"helper_py": "x = 1", "names_yaml": "x", "more_yaml": "x"},
    ],
    ids=["changed module", "changed data", "removed data", "removed module", "added data"],
)
def test_change_of_no_dag_file_is_live_when_all_are_parsed(versioned: VersionedCluster, after: dict[str, str]) -> None:
    dags = {"a_py": dag_file("a"), "b_py": dag_file("b")}
    versioned.deliver(**dags, helper_py="x = 1", names_yaml="x")
    versioned.parses_late = {"a.py", "b.py"}
    versioned.deliver(**dags, **after)
    asked = ["/api/v2/parseDagFile/token-of-a.py", "/api/v2/parseDagFile/token-of-b.py"]
    assert sorted(versioned.airflow.paths("PUT")) == asked


def test_dag_that_nothing_changed_for_is_not_waited_for(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("a"), b_py=dag_file("b"))
    versioned.parses_late = {"b.py"}
    versioned.deliver(a_py=dag_file("a", "new = 1"), b_py=dag_file("b"))
    assert versioned.airflow.paths("PUT") == []


def test_dag_file_that_another_imports_is_waited_for_with_it(versioned: VersionedCluster) -> None:
    old, new = (package(a_py=dag_file("a", body), b_py=dag_file("b")) for body in ("x = 1", "x = 2"))
    versioned.bundle.deliver(old, define(old, imported="a.py"))
    versioned.parses_late = {"b.py"}
    versioned.bundle.deliver(new, define(new, imported="a.py"))
    assert versioned.airflow.paths("PUT") == ["/api/v2/parseDagFile/token-of-b.py"]


def test_unfinished_delivery_before_this_one_is_not_forgotten(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("a"), b_py=dag_file("b"), helper_py="x = 1")
    versioned.is_away = True
    with pytest.raises(WaitTimeoutError):
        versioned.deliver(a_py=dag_file("a"), b_py=dag_file("b"), helper_py="x = 2")
    versioned.is_away = False
    versioned.parses_late = {"b.py"}
    versioned.deliver(a_py=dag_file("a", "new = 1"), b_py=dag_file("b"), helper_py="x = 2")
    assert versioned.airflow.paths("PUT") == ["/api/v2/parseDagFile/token-of-b.py"]


def test_first_delivery_of_a_generator_waits_for_its_dags(versioned: VersionedCluster) -> None:
    files = package(generator_py="for name in names(): DAG(name)", names_yaml="[orders]")
    defined = Definitions({"orders": "generator.py"})
    with pytest.raises(WaitTimeoutError, match=r"generator.py: DAG orders is not known$"):
        versioned.bundle.deliver(files, defined)
    versioned.airflow.bundle["generator.py"] = 'DAG("orders")'
    assert versioned.bundle.deliver(files, defined).seconds < 1


@pytest.mark.parametrize(
    "text", ['DAG("ghost")  # in a file that .airflowignore names', "old = 1  # @dag\n", '"""DAG("ghost")"""']
)
def test_dag_that_the_gate_did_not_find_is_not_waited_for(versioned: VersionedCluster, text: str) -> None:
    versioned.airflow.on_request = lambda: None
    versioned.airflow.parse({"a.py": dag_file("a")}, version=(files := package(a_py=dag_file("a"), b_py=text)).version)
    assert versioned.bundle.deliver(files, Definitions({"a": "a.py"})).seconds < 1


def test_renamed_dag_is_parsed_again_until_the_old_one_goes(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("old"))
    versioned.airflow.lingering = {"old": "a.py"}
    versioned.airflow.time.at(4, versioned.airflow.lingering.clear)
    versioned.deliver(a_py=dag_file("new"))
    assert 4 <= versioned.airflow.time.seconds < 5
    assert len(versioned.airflow.paths("PUT")) == 3


def test_dag_in_a_zip_file_is_that_file_s(versioned: VersionedCluster) -> None:
    versioned.zipped = {"packed.zip": {"inner.py": dag_file("inner")}}
    first = package(packed_zip="PK 1")
    delivery = versioned.bundle.deliver(first, Definitions({"inner": "packed.zip"}))
    assert (delivery.added_dags, delivery.other_files) == (1, 0)
    versioned.parses_late = {"packed.zip/inner.py"}
    versioned.airflow.answers["/api/v2/parseDagFile/token-of-packed.zip/inner.py"] = {}
    with pytest.raises(WaitTimeoutError, match=r"packed.zip: DAG inner is not of version"):
        versioned.bundle.deliver(package(packed_zip="PK 2"), Definitions({"inner": "packed.zip"}))


def test_removed_zip_file_takes_its_dags_along(versioned: VersionedCluster) -> None:
    versioned.zipped = {"packed.zip": {"inner.py": dag_file("inner")}}
    both = package(packed_zip="PK", a_py=dag_file("a"))
    versioned.bundle.deliver(both, Definitions({"inner": "packed.zip", "a": "a.py"}))
    versioned.airflow.lingering = {"inner": "packed.zip/inner.py"}
    versioned.airflow.time.at(3, versioned.airflow.lingering.clear)
    only = package(a_py=dag_file("a"))
    delivery = versioned.bundle.deliver(only, Definitions({"a": "a.py"}))
    assert (delivery.removed_dags, delivery.other_files) == (1, 0)
    assert versioned.airflow.time.seconds >= 3


@pytest.mark.parametrize("text", ['DAG("of the cluster")', "nothing = 1"], ids=["another id", "no DAG"])
def test_dag_that_the_gate_could_not_know_may_be_another(versioned: VersionedCluster, text: str) -> None:
    files = package(a_py=text)
    delivery = versioned.bundle.deliver(files, Definitions({"default": "a.py"}, frozenset({"a.py"})))
    assert delivery.seconds <= 10


def error_of(file: str, said: str, version: str = "", **others: str) -> dict[str, str]:
    path = f"/bundles/versions/{version}/{file}" if version else "/opt/venv/lib/pandas/core.py"
    trace = f'Traceback (most recent call last):\n  File "{path}", line 3, in <module>\n{said}\n'
    return {"filename": file, "bundle_name": "dags", "stack_trace": trace, **others}


def test_old_error_of_a_corrected_file_is_never_blamed(versioned: VersionedCluster) -> None:
    old, new = package(a_py="x = 1 / 0"), package(a_py=dag_file("a"))
    versioned.airflow.import_errors = [error_of("a.py", "ZeroDivisionError", old.version)]
    versioned.is_away = True

    def come_back() -> None:
        versioned.is_away = False
        versioned.airflow.import_errors.clear()

    versioned.airflow.time.at(40, come_back)
    delivery = versioned.bundle.deliver(new, define(new))
    assert 40 <= delivery.seconds < 42


def test_parse_of_the_old_file_that_ends_late_is_not_blamed(versioned: VersionedCluster) -> None:
    old, new = package(a_py="x = 1 / 0"), package(a_py=dag_file("a"))
    late = error_of("a.py", "ZeroDivisionError", old.version, timestamp="2026-11-22T12:00:01Z")
    versioned.is_away = True
    versioned.airflow.time.at(1, lambda: versioned.airflow.import_errors.append(late))

    def come_back() -> None:
        versioned.is_away = False
        versioned.airflow.import_errors.clear()

    versioned.airflow.time.at(15, come_back)
    assert versioned.bundle.deliver(new, define(new)).seconds >= 15


def test_error_of_the_new_file_ends_the_wait_at_once(versioned: VersionedCluster) -> None:
    files = package(a_py=dag_file("a"))
    versioned.airflow.import_errors = [error_of("a.py", "KeyError: 'URL'", files.version)]
    with pytest.raises(Unreachable, match=r"cannot import a.py:\n(?s:.*)KeyError: 'URL'"):
        versioned.bundle.deliver(files, define(files))
    assert versioned.airflow.time.seconds < 1


@pytest.mark.parametrize(("timestamp", "is_blamed"), [("2026-11-22T11:59:59Z", False), ("2026-11-22T12:00:00Z", True)])
def test_error_without_a_version_goes_by_its_time(versioned: VersionedCluster, timestamp: str, is_blamed: bool) -> None:
    versioned.is_away = True
    versioned.airflow.time.at(
        1, lambda: versioned.airflow.import_errors.append(error_of("a.py", "MemoryError", timestamp=timestamp))
    )
    files = package(a_py=dag_file("a"))
    with pytest.raises(Unreachable if is_blamed else WaitTimeoutError):
        versioned.bundle.deliver(files, define(files))


def test_error_in_a_zip_file_is_told(versioned: VersionedCluster) -> None:
    files = package(packed_zip="PK")
    versioned.airflow.import_errors = [error_of("packed.zip/inner.py", "NameError: x", files.version)]
    with pytest.raises(Unreachable, match=r"cannot import packed.zip:\n"):
        versioned.bundle.deliver(files, Definitions({"inner": "packed.zip"}))


def test_a_version_that_airflow_does_not_take_is_named(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("a"))
    versioned.is_away = True
    wanted = package(a_py=dag_file("a", "new = 1")).version
    with pytest.raises(WaitTimeoutError, match=f"a.py: DAG a is not of version {wanted} yet"):
        versioned.deliver(a_py=dag_file("a", "new = 1"))


def test_slow_clock_of_airflow_is_waited_for_and_named(versioned: VersionedCluster) -> None:
    versioned.is_away = True
    files = package(a_py=dag_file("a"))
    with pytest.raises(
        WaitTimeoutError, match=r"every 300 s, \[dag_processor\] refresh_interval\): not reached in 420"
    ):
        replace(versioned.bundle, refresh_s=300).deliver(files, define(files))
    with pytest.raises(WaitTimeoutError, match=r"ConfigMap airflow-dags: not reached in 121 s"):
        replace(versioned.bundle, refresh_s=1).deliver(files, define(files))


def test_without_a_verdict_all_that_airflow_knows_is_waited_for(versioned: VersionedCluster) -> None:
    versioned.deliver_unverified(a_py=dag_file("a"), b_py=dag_file("b"))
    versioned.parses_late = {"b.py"}
    versioned.deliver_unverified(a_py=dag_file("a", "new = 1"), b_py=dag_file("b"))
    assert versioned.airflow.paths("PUT") == ["/api/v2/parseDagFile/token-of-b.py"]


def test_without_a_verdict_some_dag_is_waited_for(versioned: VersionedCluster) -> None:
    with pytest.raises(WaitTimeoutError, match="no DAG is known"):
        versioned.deliver_unverified(a_py="computed = 1")
    versioned.deliver_unverified(query_sql="select 1")


def test_rollback_waits_for_what_the_gate_had_found(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("old"))
    versioned.deliver(a_py=dag_file("new"))
    versioned.airflow.lingering = {"new": "a.py"}
    versioned.airflow.time.at(6, versioned.airflow.lingering.clear)
    delivery = versioned.bundle.go_back(versioned.versions.find(""))
    assert delivery.change.changed == ("a.py",)
    assert versioned.airflow.time.seconds >= 6


def test_wait_after_a_restore_writes_nothing(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("a"))
    versioned.airflow.lingering = {"of the backup": "a.py"}
    versioned.airflow.time.at(3, versioned.airflow.lingering.clear)
    before = dict(versioned.server.objects)
    assert versioned.bundle.wait_until_live().change.is_empty
    assert versioned.server.objects == before
    assert versioned.airflow.time.seconds >= 3


def test_old_versions_are_collected_but_for_those_that_runs_need(versioned: VersionedCluster) -> None:
    first = package(a_py=dag_file("a", "number = 0"))
    versioned.airflow.runs = [{"dag_id": "a", "dag_run_id": "r", "state": "running", "bundle_version": first.version}]
    for number in range(8):
        versioned.deliver(a_py=dag_file("a", f"number = {number}"))
    left = {version.version for version in versioned.versions.config_maps.list()}
    assert len(left) == 6
    assert first.version in left


def test_remove_of_versions_waits_until_the_dags_are_gone(versioned: VersionedCluster) -> None:
    versioned.deliver(a_py=dag_file("a"))
    versioned.bundle.remove()
    assert not [key for key in versioned.server.objects if key[0] == "configmaps"]


@pytest.mark.parametrize("away_s", [40, 100])
def test_wait_rides_out_an_outage_up_to_its_own_deadline(cluster: Cluster, away_s: float) -> None:
    airflow, time = cluster.airflow, cluster.airflow.time
    found = package(a_py=dag_file("a"))
    cluster.deaf_touches = 10**6

    def come_back() -> None:
        airflow.is_down = False
        cluster.deaf_touches = 0

    def go_away() -> None:
        airflow.is_down = True
        time.at(time.seconds + away_s, come_back)

    time.at(time.seconds + 2, go_away)
    delivery = cluster.bundle.deliver(found, define(found))
    assert delivery.change.added == ("a.py",)
    assert delivery.seconds > away_s
