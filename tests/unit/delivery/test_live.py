"""Delivering: it ends when Airflow has the very text that was sent, and touches the dag-processor until then."""

import pytest

from harness.delivery.live import deliver, withdraw
from harness.delivery.pack import Package
from harness.delivery.sync import Target
from harness.errors import HarnessError
from harness.tools.k8s import Json, Kubernetes
from harness.waiting import Unreachable, WaitTimeoutError

from ..fakes.airflow import FakeAirflow
from ..fakes.kubernetes import FakeApiServer

TARGET = Target("tools", "airflow-dags", "dags", "dev")
KEY = ("configmaps", "tools", "airflow-dags")


def dag_file(name: str, body: str = "") -> str:
    return f"@dag\ndef {name}(): ...\n{body}\n{name}()\n"


class Cluster:
    """A kubelet and a dag-processor: at the touch of the latter's pod Airflow gets the ConfigMap's files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = FakeApiServer()
        self.airflow = FakeAirflow()
        self.api = self.airflow.client()
        self.kubernetes: Kubernetes = self.server.client(monkeypatch)
        self.touches = 0
        self.deaf_touches = 0
        self.server.on_patch = self._touched
        labels = {"app.kubernetes.io/component": "dag-processor"}
        self.server.put("pods", {"metadata": {"name": "processor", "namespace": "tools", "labels": labels}})

    def deliver(self, **files: str) -> tuple[tuple[str, ...], ...]:
        package = Package({name.replace("_py", ".py"): text for name, text in files.items()})
        clock = self.airflow.time.clock
        change = deliver(self.kubernetes, self.api, package, TARGET, clock=clock).change
        return change.added, change.changed, change.removed

    def _touched(self, _pod: Json) -> None:
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
    withdraw(cluster.kubernetes, cluster.api, TARGET, clock=cluster.airflow.time.clock)
    assert KEY not in cluster.server.objects
    assert cluster.api.dags() == []
