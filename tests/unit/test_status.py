"""Status: a row for each part, and one part's trouble does not hide the others."""

from pathlib import Path

import pytest

from harness.delivery.origin import Origin
from harness.errors import Verb
from harness.status import Row, read_status

from .fakes.kubernetes import Response
from .fakes.machine import HEALTHY, FakeMachine, make_machine, workload
from .fakes.reporter import FakeReporter


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    """Return a machine with a healthy environment; a test makes one part of it fail."""
    made = make_machine(tmp_path, monkeypatch)
    monkeypatch.setattr("subprocess.Popen", made.popen)
    made.environment().up(FakeReporter())
    return made


def read(machine: FakeMachine) -> dict[str, Row]:
    return {row.part: row for row in read_status(machine.environment())}


def test_healthy_environment_is_good_in_all_its_parts(machine: FakeMachine) -> None:
    rows = read(machine)
    assert list(rows) == ["images", "cluster", "release", "airflow-scheduler", "airflow", "dags"]
    assert all(row.is_good for row in rows.values())
    assert rows["images"] == Row("images", "registry", "as set", is_good=True)
    assert rows["cluster"].detail == "harness-dev-control-plane"
    assert rows["release"].detail == "airflow revision 1"


def test_dags_of_a_commit_name_it(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.delivery.folder.DagFolder.origin", lambda _: Origin("c0ffee", by="Ada"))
    assert read(machine)["dags"].detail.endswith("bytes; the cluster has commit c0ffee by Ada")


def test_each_part_says_what_it_lacks(machine: FakeMachine) -> None:
    machine.server.put("nodes", {"metadata": {"name": "harness-dev-control-plane"}, "status": {}})
    machine.release = "harness inputs of before"
    machine.server.put("deployments", workload("airflow-scheduler", ready=0))
    machine.airflow.answers["/api/v2/monitor/health"] = {**HEALTHY, "scheduler": {"status": "unhealthy"}}
    (machine.settings().dags_folder / "more.py").write_text("x = 1\n")
    rows = read(machine)
    assert rows["cluster"] == Row("cluster", "not ready", "node harness-dev-control-plane not Ready", is_good=False)
    assert rows["release"].state == "outdated"
    assert rows["airflow-scheduler"] == Row(
        "airflow-scheduler", "not ready", "0/1 ready", is_good=False, advice=Verb("logs")
    )
    assert rows["airflow"] == Row("airflow", "unhealthy", "scheduler: unhealthy", is_good=False)
    assert rows["dags"].state == "differs"
    assert rows["dags"].detail.endswith("bytes")
    assert rows["dags"].advice == Verb("dags sync", "delivers them")
    assert [part for part, row in rows.items() if row.is_good] == ["images"]


@pytest.mark.parametrize(("condition", "states"), [("Complete", []), ("Failed", ["failed"]), ("", ["runs"])])
def test_job_is_a_part_until_it_is_complete(machine: FakeMachine, condition: str, states: list[str]) -> None:
    conditions = [{"type": condition, "status": "True"}]
    annotations = {"meta.helm.sh/release-name": "airflow"}
    metadata = {"name": "airflow-setup-1", "namespace": "tools", "annotations": annotations}
    machine.server.put("jobs", {"metadata": metadata, "status": {"conditions": conditions}})
    rows = [row for row in read(machine).values() if row.part == "airflow-setup-1"]
    assert [row.detail for row in rows] == states
    assert not any(row.is_good for row in rows)


def test_dags_that_were_never_synced_are_absent(machine: FakeMachine) -> None:
    machine.server.remove("configmaps", "tools", "airflow-dags")
    assert read(machine)["dags"].state == "absent"


def test_no_release_says_what_installs_it(machine: FakeMachine) -> None:
    machine.release = ""
    assert read(machine)["release"] == Row("release", "absent", "", is_good=False, advice=Verb("up", "installs it"))


def test_part_that_cannot_be_asked_does_not_hide_the_others(machine: FakeMachine) -> None:
    machine.server.refusals = [Response(503, b"starting", "Service Unavailable")] * 2
    rows = read(machine)
    assert rows["cluster"].state == "not ready"
    assert rows["components"].state == "unknown"
    assert "503" in rows["components"].detail
    assert rows["airflow"].is_good


def test_wrong_password_makes_airflow_unknown(machine: FakeMachine) -> None:
    login = {"username": "admin", "password": "not the one", "email": "a@example.org"}
    machine.server.put("secrets", {"metadata": {"name": "airflow-ui-creds", "namespace": "tools"}, "stringData": login})
    row = read(machine)["airflow"]
    assert (row.state, row.is_good) == ("unknown", False)
    assert "401" in row.detail


def test_cluster_that_is_there_is_named_by_its_context(machine: FakeMachine) -> None:
    kubeconfig = machine.environment().settings.kubeconfig
    staging = machine.environment(name="staging", context="team", kubeconfig=kubeconfig, url="https://airflow.test")
    machine.calls.clear()
    rows = read_status(staging)
    assert rows[0] == Row("cluster", "answers", "context team, namespace tools", is_good=True)
    assert [row.part for row in rows] == ["cluster", "airflow-scheduler", "airflow", "dags"]
    assert all(row.is_good for row in rows)
    assert machine.calls == [], "no engine, kind or Helm is needed"
