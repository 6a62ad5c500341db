"""Metrics reach the exporter from all of Airflow, and Prometheus finds them there."""

from __future__ import annotations

from pathlib import Path

from .render import STABLE, Rendering, render

ON = (*STABLE, "metrics.enabled=true")


def settings(rendering: Rendering) -> dict[str, str]:
    """Return the settings of the section metrics."""
    data = rendering["ConfigMap/airflow-config"]["data"]
    return {key: value for key, value in data.items() if key.startswith("AIRFLOW__METRICS__")}


def test_they_are_off_by_default(default: Rendering) -> None:
    assert not settings(default)
    assert "metrics" not in default.pods()


def test_airflow_sends_to_the_port_where_the_exporter_listens(helm: Path) -> None:
    rendering = render(helm, sets=ON)
    sent = settings(rendering)
    service = rendering[f"Service/{sent['AIRFLOW__METRICS__STATSD_HOST']}"]["spec"]
    (port,) = [port for port in service["ports"] if port.get("protocol") == "UDP"]
    assert str(port["port"]) == sent["AIRFLOW__METRICS__STATSD_PORT"]
    (container,) = rendering.pods()["metrics"]["spec"]["containers"]
    (listened,) = [one for one in container["ports"] if one["name"] == port["targetPort"]]
    assert listened["protocol"] == "UDP"
    assert f"--statsd.listen-udp=:{listened['containerPort']}" in container["args"]


def test_prometheus_finds_the_port_by_the_usual_annotations(helm: Path) -> None:
    rendering = render(helm, sets=ON)
    service = rendering["Service/airflow-metrics"]
    assert service["metadata"]["annotations"]["prometheus.io/scrape"] == "true"
    (container,) = rendering.pods()["metrics"]["spec"]["containers"]
    port = service["metadata"]["annotations"]["prometheus.io/port"]
    assert f"--web.listen-address=:{port}" in container["args"]


def test_a_setting_of_the_user_wins(helm: Path) -> None:
    rendering = render(helm, sets=(*ON, "config.metrics.statsd_prefix=team"))
    assert settings(rendering)["AIRFLOW__METRICS__STATSD_PREFIX"] == "team"
