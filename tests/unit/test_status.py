"""Status: a row for each part, and one part's trouble does not hide the others."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import status
from harness.environment import Environment
from harness.status import Row
from harness.tools.helm import ReleaseStatus
from harness.waiting import NotYet

from .fakes.airflow import FakeAirflow
from .fakes.command import FakeCommands
from .fakes.kubernetes import FakeApiServer, Response
from .samples import DOCKER, settings_of

HEALTH = {name: {"status": "healthy"} for name in ("metadatabase", "scheduler", "dag_processor", "triggerer")}


def workload(name: str, ready: int) -> dict[str, Any]:
    numbers = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": ready}
    return {
        "metadata": {"name": name, "namespace": "tools", "generation": 1},
        "spec": {"replicas": 1},
        "status": numbers,
    }


class Machine:
    """A healthy environment; a test makes one part of it ill."""

    def __init__(self, folder: Path, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server, self.airflow = FakeApiServer(), FakeAirflow()
        self.environment = Environment(settings_of(folder))
        self.readiness: bool | NotYet = True
        self.release: ReleaseStatus | None = ReleaseStatus(3, "deployed", "inputs")
        self.is_installed = True
        self.airflow.answers["/api/v2/monitor/health"] = HEALTH
        self.server.put("deployments", workload("scheduler", 1))
        self.server.put("statefulsets", workload("postgresql", 1))
        words = ("docker", "ps", "--all", "--filter", "label=io.x-k8s.kind.cluster=harness-dev", "--format")
        commands.on(*words, "{{.Names}}\t{{.State}}", stdout="node\trunning\n")
        dags = self.environment.settings.dags_folder
        dags.mkdir()
        (dags / "a.py").write_text("x = 1\n")
        self.environment.__dict__.update(
            docker=DOCKER,
            kubernetes=self.server.client(monkeypatch),
            airflow=self.airflow.client(),
            cluster=SimpleNamespace(readiness=lambda: self.readiness),
            helm=SimpleNamespace(status=lambda *_, **__: self.release),
            release=SimpleNamespace(is_installed=lambda: self.is_installed),
        )

    def rows(self) -> dict[str, Row]:
        return {row.part: row for row in status.read(self.environment)}


@pytest.fixture
def machine(tmp_path: Path, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, commands, monkeypatch)


def test_healthy_environment_but_for_dags_that_were_never_synced(machine: Machine) -> None:
    rows = machine.rows()
    assert list(rows) == ["cluster", "release", "scheduler", "postgresql", "airflow", "dags"]
    assert [name for name, row in rows.items() if not row.is_good] == ["dags"]
    assert rows["release"].detail == "airflow revision 3"
    assert rows["dags"].state == "absent"
    assert rows["dags"].detail.endswith("bytes; make dags")


def test_ill_parts_say_what_is_missing(machine: Machine) -> None:
    machine.readiness = NotYet("node-1 not Ready")
    machine.is_installed = False
    machine.server.put("deployments", workload("scheduler", 0))
    machine.airflow.answers["/api/v2/monitor/health"] = {**HEALTH, "scheduler": {"status": "unhealthy"}}
    rows = machine.rows()
    assert rows["cluster"] == Row("cluster", "not ready", "node-1 not Ready", is_good=False)
    assert rows["release"].state == "outdated"
    assert rows["scheduler"] == Row("scheduler", "not ready", "0/1 ready", is_good=False)
    assert rows["airflow"] == Row("airflow", "ill", "scheduler: unhealthy", is_good=False)
    assert rows["postgresql"].is_good


def test_no_release_says_what_installs_it(machine: Machine) -> None:
    machine.release = None
    assert machine.rows()["release"] == Row("release", "absent", "harness up installs it", is_good=False)


def test_part_that_cannot_be_asked_does_not_hide_the_others(machine: Machine) -> None:
    machine.server.refusals = [Response(503, b"starting", "Service Unavailable")]
    rows = machine.rows()
    assert rows["components"].state == "unknown"
    assert "503" in rows["components"].detail
    assert rows["airflow"].is_good


def test_wrong_password_makes_airflow_unknown(machine: Machine) -> None:
    machine.environment.__dict__["airflow"] = machine.airflow.client(password="wrong")  # noqa: S106 - of nothing
    row = machine.rows()["airflow"]
    assert (row.state, row.is_good) == ("unknown", False)
    assert "401" in row.detail
