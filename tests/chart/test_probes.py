"""A busy machine must not make Kubernetes restart what is healthy; a dead task must be noticed soon."""

from __future__ import annotations

import ast
import importlib
import socket
from pathlib import Path
from typing import Any

import pytest

from .render import CHART, STABLE, Rendering, render

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


@pytest.mark.parametrize("script", ["check_job", "groom_logs", "keep_admin", "wait_for_database", "wait_for_setup"])
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
    allowed = {"__future__", "host_address", "os", "psycopg2", "socket", "sys", "time", "typing", "wait_for_database"}
    if script in {"groom_logs", "keep_admin"}:
        allowed |= {"pathlib"}
    if script == "keep_admin":
        allowed |= {"subprocess", "werkzeug"}
    assert imported <= allowed


def test_a_killed_task_is_noticed_within_a_minute(chart: Rendering) -> None:
    config = chart["ConfigMap/airflow-config"]["data"]
    timeout_s = int(config["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"])
    heartbeat_s = int(config["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC"])
    assert timeout_s <= 60
    # Several heartbeats may be lost before a task is taken for dead.
    assert timeout_s >= 5 * heartbeat_s


def test_without_ipv4_all_listen_on_ipv6_and_no_probe_asks_ipv4(helm: Path) -> None:
    rendering = render(helm, sets=(*STABLE, "ipv6=true", "metrics.enabled=true"))
    config = rendering["ConfigMap/airflow-config"]["data"]
    assert config["AIRFLOW__API__HOST"] == "::"
    assert config["AIRFLOW__METRICS__STATSD_IPV6"] == "True"
    assert config["AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK"] == "False"
    for probe in probes(rendering, "scheduler").values():
        assert probe["exec"]["command"] == ["python", "/opt/airflow/scripts/check_job.py", "SchedulerJob"]


@pytest.mark.parametrize(
    ("addresses", "named"),
    [(["10.0.0.7"], "10.0.0.7"), (["fd00::7"], "[fd00::7]"), (["fd00::7", "10.0.0.7"], "[fd00::7]")],
    ids=["IPv4", "IPv6", "both"],
)
def test_pod_is_named_by_its_address(monkeypatch: pytest.MonkeyPatch, addresses: list[str], named: str) -> None:
    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, 0, 0, 0))
        if ":" in one
        else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0))
        for one in addresses
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.syspath_prepend(CHART / "files/python")
    assert importlib.import_module("host_address").get_host_address() == named


def test_triggerer_is_named_by_its_address(default: Rendering) -> None:
    (container,) = default.pods()["triggerer"]["spec"]["containers"]
    name = {"name": "AIRFLOW__CORE__HOSTNAME_CALLABLE", "value": "host_address.get_host_address"}
    assert name in container["env"]
