"""One ConfigMap that is mounted as it is: what is written, when nothing is, and whose it is."""

import pytest

from harness.delivery.origin import UNKNOWN, Origin
from harness.delivery.pack import Package
from harness.delivery.plain import PlainStore
from harness.delivery.target import DriftError, Target
from harness.errors import HarnessError
from harness.tools.k8s import Kubernetes

from ..fakes.kubernetes import FakeApiServer

TARGET = Target("tools", "airflow-dags", "dags", "dev")
KEY = ("configmaps", "tools", "airflow-dags")
OLD = Package({"a.py": b"1", "b.py": b"1"})
NEW = Package({"b.py": b"2", "c.py": b"1"})


@pytest.fixture
def store(kubernetes: Kubernetes) -> PlainStore:
    return PlainStore(kubernetes, TARGET)


def test_tells_what_changed_and_labels_the_config_map(store: PlainStore, server: FakeApiServer) -> None:
    assert store.write(OLD).added == ("a.py", "b.py")
    change = store.write(NEW)
    assert (change.added, change.changed, change.removed) == (("c.py",), ("b.py",), ("a.py",))
    stored = server.objects[KEY]
    assert stored["data"] == {"b.py": "2", "c.py": "1"}
    assert stored["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "harness",
        "app.kubernetes.io/part-of": "tools",
        "harness.dev/environment": "dev",
    }
    assert stored["metadata"]["annotations"] == {"harness.dev/digest": NEW.version}


def test_writes_nothing_when_nothing_changed(store: PlainStore, server: FakeApiServer) -> None:
    store.write(OLD)
    assert store.write(OLD).is_empty
    assert [request.method for request in server.requests].count("PATCH") == 1


def test_compare_read_and_delete(store: PlainStore) -> None:
    assert store.compare(OLD) == "absent"
    store.write(OLD)
    assert store.compare(OLD) == "same"
    assert store.compare(NEW) == "differs"
    assert store.read() == OLD
    assert store.digests() == OLD.digests
    store.delete()
    assert store.compare(OLD) == "absent"


def test_foreign_edit_is_seen_and_overwritten_only_by_force(store: PlainStore, server: FakeApiServer) -> None:
    store.write(OLD)
    server.objects[KEY]["data"]["a.py"] = "edited"
    assert store.compare(OLD) == "drift"
    with pytest.raises(DriftError) as caught:
        store.write(NEW)
    assert str(caught.value) == (
        "ConfigMap airflow-dags in tools was changed by somebody else: its files are not those of the last sync"
    )
    assert caught.value.next_step.endswith("`harness dags sync --force` overwrites it")
    assert server.objects[KEY]["data"]["a.py"] == "edited"
    store.write(NEW, force=True)
    assert store.compare(NEW) == "same"
    assert store.drift() == ""


def test_a_config_map_that_no_sync_made_is_not_taken_over(store: PlainStore, server: FakeApiServer) -> None:
    server.put("configmaps", {"metadata": {"name": "airflow-dags", "namespace": "tools"}, "data": {"mine.py": "1"}})
    assert store.drift() == "no sync has written it; it holds mine.py"
    with pytest.raises(DriftError):
        store.write(OLD)


def test_of_two_syncs_at_the_same_time_the_later_one_is_told(store: PlainStore) -> None:
    store.write(OLD)
    other = Package({"d.py": b"1"})
    with pytest.raises(HarnessError, match=f"another sync was faster: the cluster has version {other.version} now"):
        store.write(NEW, check=lambda *_: store.write(other))
    assert store.read() == other
    store.write(NEW, force=True, check=lambda *_: store.write(OLD))
    assert store.read() == NEW


def test_origin_is_that_of_the_last_sync(store: PlainStore) -> None:
    assert (store.version(), store.origin()) == ("", UNKNOWN)
    store.write(OLD, origin=Origin("c0ffee", by="Ada"))
    heard: list[tuple[str, Origin]] = []
    store.write(OLD, origin=Origin(by="Bob"), check=lambda *what: heard.append(what))
    assert heard == [(OLD.version, Origin("c0ffee", by="Ada"))]
    assert (store.version(), store.origin()) == (OLD.version, Origin(by="Bob"))
