"""Versions behind a pointer: whole or not at all, kept as long as needed, and whose the pointer is."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from harness.delivery.origin import UNKNOWN, Origin
from harness.delivery.pack import Package
from harness.delivery.target import DriftError, Target
from harness.delivery.versions import VERSIONS_KEPT, Versions
from harness.errors import HarnessError, UsageError
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer

TARGET = Target("tools", "airflow-dags", "dags", "dev", is_versioned=True)
POINTER = ("configmaps", "tools", "airflow-dags")
OLD = Package({"a.py": b"1", "etl/b.py": b"1"})
NEW = Package({"c.py": b"1", "etl/b.py": b"2"})


@pytest.fixture
def store(kubernetes: Kubernetes) -> Versions:
    return Versions(kubernetes, TARGET)


def numbered(number: int) -> Package:
    return Package({"a.py": f"x = {number}".encode()})


def names(server: FakeApiServer, part: str) -> set[str]:
    prefix = f"airflow-dags-{part}-"
    return {name.removeprefix(prefix) for _, _, name in server.objects if name.startswith(prefix)}


def test_tells_what_changed_and_points_to_the_version(store: Versions, server: FakeApiServer) -> None:
    assert store.write(OLD).added == ("a.py", "etl/b.py")
    change = store.write(NEW)
    assert (change.added, change.changed, change.removed) == (("c.py",), ("etl/b.py",), ("a.py",))
    assert change.written_bytes > 0
    assert server.objects[POINTER]["data"] == {"version": NEW.version}
    assert names(server, "v") == {OLD.version, NEW.version}
    assert store.read() == NEW
    assert store.digests() == NEW.digests
    parts = [item for key, item in server.objects.items() if key != POINTER]
    assert all(item["immutable"] for item in parts)
    assert all(item["metadata"]["labels"]["harness.dev/environment"] == "dev" for item in parts)


def test_the_same_files_are_written_once(store: Versions, server: FakeApiServer) -> None:
    store.write(OLD)
    writes = [request.method for request in server.requests].count("PATCH")
    again = store.write(OLD)
    assert again.is_empty
    assert again.written_bytes == 0
    assert [request.method for request in server.requests].count("PATCH") == writes


def test_writer_that_dies_at_any_request_leaves_a_whole_version(
    store: Versions, server: FakeApiServer, kubernetes: Kubernetes
) -> None:
    store.write(OLD)
    seen = set()
    for dies_at in count():
        server.dies_after = dies_at
        try:
            store.write(NEW)
            finished = True
        except KubernetesError:
            finished = False
        server.dies_after = None
        found = Versions(kubernetes, TARGET)
        assert found.read() in (OLD, NEW)
        seen.add(found.read() == NEW)
        if finished:
            break
    assert dies_at > 4
    assert seen == {False, True}


def test_an_unfinished_write_is_finished_by_the_next(store: Versions, server: FakeApiServer) -> None:
    store.write(OLD)
    (shard,) = names(server, "s")
    server.remove("configmaps", "tools", f"airflow-dags-s-{shard}")
    assert store.compare(OLD) == "differs"
    store.write(OLD)
    assert store.compare(OLD) == "same"
    assert store.read() == OLD


def test_the_last_versions_stay_and_those_that_runs_need(store: Versions, server: FakeApiServer) -> None:
    packages = [numbered(number) for number in range(8)]
    for package in packages:
        store.write(package)
    needed = packages[0].version
    gone = store.collect_garbage(frozenset({needed}))
    assert set(gone) == {packages[1].version, packages[2].version}
    assert names(server, "v") == {needed, *(package.version for package in packages[-VERSIONS_KEPT:])}
    assert len(names(server, "s")) == VERSIONS_KEPT + 1
    assert all(store.config_maps.read(version) for version in store.config_maps.list())


def test_a_version_that_is_current_again_counts_as_the_last(store: Versions) -> None:
    packages = [numbered(number) for number in range(5)]
    for package in packages:
        store.write(package)
    store.write(packages[0])
    assert store.config_maps.list()[0].version == packages[0].version
    assert store.find("").version == packages[4].version


def test_shards_of_another_sync_without_a_version_yet_stay(store: Versions, server: FakeApiServer) -> None:
    store.write(OLD)
    orphan = {"harness.dev/dags-of": "airflow-dags", "harness.dev/dags-part": "shard"}
    time = FakeTime()
    store = replace(store, clock=time.clock)
    server.put(
        "configmaps",
        {
            "metadata": {
                "name": "airflow-dags-s-young",
                "namespace": "tools",
                "labels": orphan,
                "creationTimestamp": time.utc_now().isoformat(),
            }
        },
    )
    time.seconds = 9 * 60
    store.collect_garbage(frozenset())
    assert "young" in names(server, "s")
    time.seconds = 11 * 60
    store.collect_garbage(frozenset())
    assert "young" not in names(server, "s")


def test_back_to_an_earlier_version(store: Versions) -> None:
    store.write(OLD)
    store.write(NEW)
    found = store.find("")
    assert found.version == OLD.version
    change = store.point_to(found)
    assert (change.added, change.changed, change.removed) == (("a.py",), ("etl/b.py",), ("c.py",))
    assert store.read() == OLD
    assert store.find(NEW.version[:4]).version == NEW.version


def test_a_version_that_is_not_there_names_those_that_are(store: Versions) -> None:
    with pytest.raises(UsageError, match="there is no earlier version to go back to; there are: none"):
        store.find("")
    store.write(OLD)
    with pytest.raises(UsageError, match=f"there is no version zz to go back to; there are: {OLD.version}"):
        store.find("zz")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({"version": "0123456789abcdef"}, f"it names version 0123456789abcdef, the last sync was {OLD.version}"),
        ({"mine.py": "x = 1"}, "its files are not those of the last sync"),
    ],
)
def test_foreign_edit_is_seen_and_overwritten_only_by_force(
    store: Versions, server: FakeApiServer, data: dict[str, str], what: str
) -> None:
    store.write(OLD)
    server.objects[POINTER]["data"] = data
    assert store.compare(OLD) == "drift"
    assert store.drift() == what
    with pytest.raises(DriftError, match="was changed by somebody else"):
        store.write(NEW)
    with pytest.raises(DriftError):
        store.point_to(store.config_maps.list()[0])
    assert server.objects[POINTER]["data"] == data
    store.write(NEW, force=True)
    assert store.compare(NEW) == "same"


def test_a_pointer_that_no_sync_made_is_not_taken_over(store: Versions, server: FakeApiServer) -> None:
    server.put("configmaps", {"metadata": {"name": "airflow-dags", "namespace": "tools"}, "data": {"mine.py": "1"}})
    with pytest.raises(DriftError, match=r"no sync has written it; it holds mine\.py"):
        store.write(OLD)


def test_delete_leaves_nothing(store: Versions, server: FakeApiServer) -> None:
    store.write(OLD)
    store.write(NEW)
    store.delete()
    assert not server.objects
    assert store.compare(OLD) == "absent"


def test_of_two_syncs_at_the_same_time_the_later_one_is_told(
    store: Versions, server: FakeApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(OLD)
    other = numbered(1)
    create = store.config_maps.create

    def create_late(*words: Any) -> int:
        monkeypatch.undo()
        Versions(store.kubernetes, TARGET).write(other)
        return create(*words)

    monkeypatch.setattr(type(store.config_maps), "create", lambda _, *words: create_late(*words))
    with pytest.raises(HarnessError, match=f"another sync was faster: the cluster has version {other.version} now"):
        store.write(NEW)
    assert server.objects[POINTER]["data"] == {"version": other.version}


def test_version_keeps_where_it_comes_from(store: Versions) -> None:
    origin = Origin("c0ffee", datetime(2026, 11, 1, tzinfo=UTC), is_clean=False, by="Ada")
    store.write(OLD, origin=origin)
    assert store.config_maps.list()[0].origin == origin
    store.write(NEW)
    assert store.config_maps.list()[0].origin == UNKNOWN
    store.point_to(store.find(OLD.version))
    assert store.config_maps.list()[0].origin == origin
    store.write(NEW)
    store.write(OLD, origin=Origin(by="Bob"))
    assert store.config_maps.list()[0].origin == Origin(by="Bob"), "nothing of an earlier delivery stays"


ADA, BOB = Origin("c0ffee", by="Ada"), Origin("beef", by="Bob")


def test_what_a_check_refuses_to_go_over_stays(store: Versions) -> None:
    store.write(OLD, origin=ADA)
    heard: list[tuple[str, Origin]] = []

    def refuse(*what: Any) -> None:
        heard.append(what)
        raise UsageError("no")

    for force in (False, True):
        with pytest.raises(UsageError, match="no"):
            store.write(NEW, origin=BOB, check=refuse, force=force)
    assert heard == [(OLD.version, ADA)] * 2
    assert (store.version(), store.origin()) == (OLD.version, ADA)


def test_origin_changes_with_the_version_at_any_death(store: Versions, server: FakeApiServer) -> None:
    store.write(NEW, origin=ADA)
    store.write(OLD, origin=ADA)
    for dies_at in count():
        server.dies_after = dies_at
        try:
            store.write(NEW, origin=BOB)
            finished = True
        except KubernetesError:
            finished = False
        server.dies_after = None
        assert (store.version(), store.origin()) in ((OLD.version, ADA), (NEW.version, BOB))
        if finished:
            break


def test_same_files_of_another_commit_change_the_origin_alone(store: Versions, time: FakeTime) -> None:
    store = replace(store, clock=time.clock)
    store.write(OLD, origin=ADA)
    (before,) = store.config_maps.list()
    time.seconds = 60
    assert store.write(OLD, origin=BOB).is_empty
    assert store.config_maps.list() == [replace(before, origin=BOB)]
    assert store.origin() == BOB


def test_origin_is_not_changed_over_a_faster_sync_s(store: Versions) -> None:
    store.write(OLD, origin=ADA)
    with pytest.raises(HarnessError, match="another sync was faster"):
        store.write(OLD, check=lambda *_: store.write(OLD, origin=BOB))
    assert (store.origin(), store.config_maps.list()[0].origin) == (BOB, BOB)
