"""Syncing: what is written, and when nothing is."""

from harness.delivery.pack import Package
from harness.delivery.sync import Target, compare, delete, sync, touch
from harness.tools.k8s import Kubernetes

from ..fakes.kubernetes import FakeApiServer

TARGET = Target("tools", "airflow-dags", "dags", "dev")
OLD = Package({"a.py": "1", "b.py": "1"})
NEW = Package({"b.py": "2", "c.py": "1"})


def test_tells_what_changed_and_labels_the_config_map(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    assert sync(kubernetes, OLD, TARGET).added == ("a.py", "b.py")
    change = sync(kubernetes, NEW, TARGET)
    assert (change.added, change.changed, change.removed) == (("c.py",), ("b.py",), ("a.py",))
    stored = server.objects["configmaps", "tools", "airflow-dags"]
    assert stored["data"] == NEW.files
    assert stored["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "harness",
        "app.kubernetes.io/part-of": "tools",
        "harness.dev/environment": "dev",
    }
    assert stored["metadata"]["annotations"] == {"harness.dev/digest": NEW.digest}


def test_writes_nothing_when_nothing_changed(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    sync(kubernetes, OLD, TARGET)
    assert sync(kubernetes, OLD, TARGET).is_empty
    assert [request.method for request in server.requests].count("PATCH") == 1


def test_compare_and_delete(kubernetes: Kubernetes) -> None:
    assert compare(kubernetes, OLD, TARGET) == "absent"
    sync(kubernetes, OLD, TARGET)
    assert compare(kubernetes, OLD, TARGET) == "same"
    assert compare(kubernetes, NEW, TARGET) == "differs"
    assert delete(kubernetes, TARGET)
    assert not delete(kubernetes, TARGET)


def test_touch_marks_the_dag_processor_s_pods_alone(kubernetes: Kubernetes, server: FakeApiServer) -> None:
    for name, component in (("one", "dag-processor"), ("two", "dag-processor"), ("other", "scheduler")):
        labels = {"app.kubernetes.io/component": component}
        server.put("pods", {"metadata": {"name": name, "namespace": "tools", "labels": labels}})
    assert touch(kubernetes, TARGET, "x") == 2
    marked = {name for (_, _, name), pod in server.objects.items() if "annotations" in pod["metadata"]}
    assert marked == {"one", "two"}
