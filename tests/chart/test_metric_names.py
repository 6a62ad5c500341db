"""Names of metrics, whatever a DAG is called: Airflow's own StatsD logger with the chart's handler."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from airflow._shared.observability.metrics.statsd_logger import get_statsd_logger
from airflow._shared.observability.metrics.validators import stat_name_default_handler
from airflow.configuration import conf

from .render import STABLE, Rendering, render

PYTHON = Path(__file__).parents[2] / "helm" / "tools" / "files" / "python"
ON = (*STABLE, "metrics.enabled=true")


@pytest.fixture
def make_name(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    monkeypatch.syspath_prepend(PYTHON)
    found: Callable[[str], str] = importlib.import_module("metric_names").make_stat_name
    return found


@pytest.fixture
def rendering(helm: Path) -> Rendering:
    return render(helm, sets=ON)


@pytest.mark.parametrize("stat", ["ti.finish", "dag.a_b.c-d/e.duration", "ti.start,dag_id=hello,task_id=greet"])
def test_what_airflow_accepts_stays(make_name: Callable[[str], str], stat: str) -> None:
    assert make_name(stat) == stat


@pytest.mark.parametrize(
    "stat",
    [
        "ti.start,dag_id=campaña,task_id=grüße",
        f"ti.start,dag_id={'t' * 250},task_id={'u' * 250}",
        f"dag.{'t' * 250}.{'ñ' * 250}.duration",
        "pool.open_slots,pool_name=a b:c|d@e\n",
    ],
)
def test_any_other_becomes_a_name_that_statsd_carries(make_name: Callable[[str], str], stat: str) -> None:
    name = make_name(stat)
    allowed = {*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/", ",", "="}
    assert stat_name_default_handler(name, allowed_chars=allowed) == name
    assert [part.split("=")[0] for part in name.split(",")[1:]] == [part.split("=")[0] for part in stat.split(",")[1:]]


def test_two_names_that_look_alike_stay_apart(make_name: Callable[[str], str]) -> None:
    names = {f"x,dag_id={dag_id}" for dag_id in ("campaña", "campaÑa", "campa_a", *("d" * 250 + end for end in "ab"))}
    assert len({make_name(name) for name in names}) == len(names)


def test_work_is_timed_whatever_its_dag_is_called(make_name: Callable[[str], str]) -> None:
    client = Mock()
    logger = get_statsd_logger(
        stats_class=Mock(return_value=client),
        influxdb_tags_enabled=True,
        stat_name_handler=make_name,
        statsd_influxdb_enabled=True,
    )
    with logger.timer("critical_section", tags={"dag_id": "campaña"}):
        pass
    (name,) = client.timer.call_args.args
    assert name.startswith("critical_section,dag_id=campa_a-")


def test_every_container_that_has_the_setting_finds_the_function(
    rendering: Rendering, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = rendering["ConfigMap/airflow-config"]["data"]
    key = "AIRFLOW__METRICS__STAT_NAME_HANDLER"
    monkeypatch.syspath_prepend(PYTHON)
    monkeypatch.setenv(key, settings[key])
    assert conf.getimport("metrics", "stat_name_handler")("ñ").startswith("_-")
    assert "metric_names.py" in rendering["ConfigMap/airflow-python"]["data"]
    seen = []
    for name, pod in rendering.pods().items():
        for container in (*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]):
            if {"configMapRef": {"name": "airflow-config"}} in container.get("envFrom", []):
                mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
                seen.append((name, container["name"], mounts.get(settings["PYTHONPATH"])))
    assert seen
    assert [one for one in seen if one[2] != "python"] == []


def test_without_metrics_there_is_no_handler(default: Rendering) -> None:
    assert "AIRFLOW__METRICS__STAT_NAME_HANDLER" not in default["ConfigMap/airflow-config"]["data"]
