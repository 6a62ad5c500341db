"""How users reach the UI: Service, Ingress, Gateway; and objects that are added to the release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .render import STABLE, RenderError, render

HOST = ("ingress.enabled=true", "ingress.host=airflow.example.com", "ingress.tlsSecretName=tls")
EXTRA = 'ingress.extraHosts=[{"name": "a.example.com"}, {"name": "b.example.com", "tlsSecretName": "b-tls"}]'
ROUTE = (
    "apiServer.httpRoute.enabled=true",
    'apiServer.httpRoute.parentRefs=[{"name": "public", "namespace": "infra"}]',
)
URL = "apiServer.baseUrl=https://airflow.example.com"


def test_service_says_which_load_balancer_it_wants(helm: Path) -> None:
    sets = (
        "apiServer.service.type=LoadBalancer",
        'apiServer.service.annotations={"example.com/internal": "true"}',
        "apiServer.service.loadBalancerClass=example.com/internal",
        'apiServer.service.loadBalancerSourceRanges=["192.0.2.0/24"]',
        "apiServer.service.externalTrafficPolicy=Local",
    )
    service = render(helm, sets=(*STABLE, *sets))["Service/airflow-api-server"]
    assert service["metadata"]["annotations"] == {"example.com/internal": "true"}
    assert service["spec"]["loadBalancerClass"] == "example.com/internal"
    assert service["spec"]["loadBalancerSourceRanges"] == ["192.0.2.0/24"]
    assert service["spec"]["externalTrafficPolicy"] == "Local"
    assert "loadBalancerIP" not in service["spec"]


def test_ingress_serves_several_hosts_each_with_its_secret(helm: Path) -> None:
    spec = render(helm, sets=(*STABLE, *HOST, EXTRA))["Ingress/airflow-api-server"]["spec"]
    hosts = ["airflow.example.com", "a.example.com", "b.example.com"]
    assert [rule["host"] for rule in spec["rules"]] == hosts
    assert all(rule["http"] == spec["rules"][0]["http"] for rule in spec["rules"])
    assert spec["tls"] == [
        {"hosts": ["airflow.example.com"], "secretName": "tls"},
        {"hosts": ["b.example.com"], "secretName": "b-tls"},
    ]


def test_http_route_leads_from_its_gateways_to_the_service(helm: Path) -> None:
    hostnames = 'apiServer.httpRoute.hostnames=["airflow.example.com"]'
    rendering = render(helm, sets=(*STABLE, *ROUTE, URL, hostnames))
    route = rendering["HTTPRoute/airflow-api-server"]
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert route["spec"]["parentRefs"] == [{"name": "public", "namespace": "infra"}]
    assert route["spec"]["hostnames"] == ["airflow.example.com"]
    (rule,) = route["spec"]["rules"]
    (backend,) = rule["backendRefs"]
    (port,) = rendering[f"Service/{backend['name']}"]["spec"]["ports"]
    assert backend["port"] == port["port"]


def test_http_route_without_a_gateway_is_refused(helm: Path) -> None:
    with pytest.raises(RenderError, match="parentRefs"):
        render(helm, sets=ROUTE[:1])


def test_http_route_without_the_users_url_is_refused(helm: Path) -> None:
    with pytest.raises(RenderError, match=r"apiServer\.httpRoute\.enabled.* set apiServer\.baseUrl"):
        render(helm, sets=ROUTE)
    assert render(helm, sets=(*STABLE, *ROUTE, *HOST))["HTTPRoute/airflow-api-server"]


def test_objects_are_added_as_they_are(helm: Path) -> None:
    metadata = {"name": "{{ .Release.Name }}-added"}
    first = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"url": "pg://{{ .username }}@db"}}
    second = {**first, "metadata": {"name": "second"}}
    rendering = render(helm, sets=(*STABLE, f"extraObjects={json.dumps([first, second])}"))
    assert [one for one in rendering.of_kind("ConfigMap") if one["data"] == first["data"]] == [first, second]
