"""A busy machine must not make Kubernetes restart what is healthy; a dead task must be noticed soon."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from .render import CHART, Rendering

SERVERS = ("api-server", "dag-processor", "postgresql", "scheduler", "triggerer")


def probes(chart: Rendering, component: str) -> dict[str, dict[str, Any]]:
    """Return the probes of a component's one container."""
    (container,) = chart.pods()[component]["spec"]["containers"]
    return {name: value for name, value in container.items() if name.endswith("Probe")}


@pytest.mark.parametrize("component", SERVERS)
def test_a_slow_answer_is_an_answer(default: Rendering, component: str) -> None:
    for probe in probes(default, component).values():
        assert probe["timeoutSeconds"] >= 10


@pytest.mark.parametrize("component", SERVERS)
def test_a_slow_start_is_waited_for_and_seen_at_once(default: Rendering, component: str) -> None:
    startup = probes(default, component)["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 180
    assert startup["periodSeconds"] <= 3


def test_api_server_is_warm_when_ready_and_serves_while_it_ends(default: Rendering) -> None:
    assert probes(default, "api-server")["startupProbe"]["httpGet"]["path"] == "/execution/health"
    (container,) = default.pods()["api-server"]["spec"]["containers"]
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]


def test_the_database_is_never_killed_by_a_probe(default: Rendering) -> None:
    assert "livenessProbe" not in probes(default, "postgresql")


@pytest.mark.parametrize("script", ["check_job", "keep_admin", "wait_for_database", "wait_for_setup"])
def test_what_runs_in_every_pod_does_not_import_airflow(script: str) -> None:
    tree = ast.parse((CHART / "files" / f"{script}.py").read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    allowed = {"__future__", "os", "psycopg2", "socket", "sys", "time", "typing", "wait_for_database"}
    if script == "keep_admin":
        allowed |= {"pathlib", "subprocess", "werkzeug"}
    assert imported <= allowed


def test_a_killed_task_is_noticed_within_a_minute(chart: Rendering) -> None:
    config = chart["ConfigMap/airflow-config"]["data"]
    timeout_s = int(config["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"])
    heartbeat_s = int(config["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC"])
    assert timeout_s <= 60
    # Several heartbeats may be lost before a task is taken for dead.
    assert timeout_s >= 5 * heartbeat_s
