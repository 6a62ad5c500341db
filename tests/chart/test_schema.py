"""A wrong value fails the install, and the message names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .render import CHART, RenderError, render

Schema = dict[str, Any]

WRONG = {
    "unknown at the top": ("worker.resources.requests.cpu=1", "worker"),
    "unknown in a component": ("scheduler.replica=2", "replica"),
    "unknown in a Service": ("apiServer.service.nodeport=30080", "nodeport"),
    "unknown in an image": ("images.airflow.tags=1", "tags"),
    "unknown in a bundle": ('dags.bundles=[{"name": "a", "configmap": "b"}]', "configmap"),
    "unknown in resources": ("workers.resources.request.cpu=1", "request"),
    "unknown in a worker template": ('workers.templates={"small": {"resource": {}}}', "resource"),
    "a name that is no file's": ('workers.templates={"pod_template": {}}', "pod_template"),
    "a template of a template": ('workers.templates={"small": {"templates": {}}}', "templates"),
    "unknown resource": ("workers.resources.requests.cpus=1", "cpus"),
    "unknown in an account": ("workers.serviceAccount.annotation=x", "annotation"),
    "unknown in an account of a template": ('workers.templates={"a": {"serviceAccount": {"nam": "b"}}}', "nam"),
    "unknown in a host": ('ingress.extraHosts=[{"name": "a.example.com", "tls": "b"}]', "tls"),
    "a sidecar without a name": ('extraContainers=[{"image": "proxy"}]', "name"),
    "labels that are no text": ('scheduler.podLabels={"on": true}', "on"),
    "an object without a kind": ('extraObjects=[{"apiVersion": "v1"}]', "kind"),
    "unknown Secret": ("secrets.variable=x", "variable"),
    "a section in capitals": ("config.Scheduler.x=1", "Scheduler"),
    "a setting in capitals": ("config.scheduler.Job_heartbeat_sec=1", "Job_heartbeat_sec"),
    "unknown in a strategy": ("scheduler.strategy.maxSurge=1", "maxSurge"),
    "a strategy of two kinds": ('scheduler.strategy={"type": "Recreate", "rollingUpdate": {}}', "rollingUpdate"),
    "unknown in egress": ("networkPolicies.egress.worker=[]", "worker"),
    "no time to end": ("scheduler.terminationGracePeriodSeconds=0", "terminationGracePeriodSeconds"),
    "a port on nodes that have none": ("apiServer.service.nodePort=30080", "nodePort"),
    "a policy of traffic from outside": ("apiServer.service.externalTrafficPolicy=Local", "externalTrafficPolicy"),
    "a class of no load balancer": ("apiServer.service.loadBalancerClass=a", "loadBalancerClass"),
    "an address of no load balancer": ("apiServer.service.loadBalancerIP=192.0.2.1", "loadBalancerIP"),
    "ranges of no load balancer": ('apiServer.service.loadBalancerSourceRanges=["192.0.2.0/24"]', "SourceRanges"),
    "wrong type": ("scheduler.replicas=two", "replicas"),
    "logs without a claim": ("logs.persistence.enabled=true", "existingClaim"),
    "an Ingress without a host": ("ingress.enabled=true", "host"),
    "a cleanup at no time": ("cleanup.schedule=nightly", "schedule"),
    "a cleanup of everything": ("cleanup.keepDays=0", "keepDays"),
    "a cleanup of pods that begin": ("podCleanup.minPendingMinutes=1", "minPendingMinutes"),
    "logs without room": ("logs.groomer.maxBytes=0", "maxBytes"),
    "two databases": ("database.existingSecret=x", "existingSecret"),
    "no database": ("postgresql.enabled=false", "existingSecret"),
}


@pytest.mark.parametrize(("assignment", "named"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_value_is_refused_by_name(helm: Path, assignment: str, named: str) -> None:
    with pytest.raises(RenderError, match=named):
        render(helm, sets=(assignment,))


def levels(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield every object level that lists its properties."""
    for name, child in schema.get("properties", {}).items():
        if isinstance(child, dict):
            yield f"{path}.{name}", child
            yield from levels(child, f"{path}.{name}")


def test_every_level_that_we_own_is_closed() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["additionalProperties"] is False
    open_levels = [
        path
        for path, child in levels(schema)
        if child.get("properties") and child.get("additionalProperties") is not False
    ]
    assert open_levels == []


def test_every_value_is_in_the_schema_and_none_is_only_there() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    # Helm itself passes `global` to every chart.
    assert set(schema["properties"]) - {"global"} == set(values)


def test_every_value_has_a_comment() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    settings = yaml.safe_load("\n".join(lines))
    documented = sum(line.strip().startswith("# -- ") for line in lines)
    assert documented == sum(1 for _ in leaves(settings))


def leaves(value: Any, name: str = "") -> Iterator[str]:
    """Yield the values that a person sets as one: scalars, lists, and maps that are free-form."""
    whole = {"config", "resources", "nodeSelector", "affinity", "annotations", "labels", "strategy", "templates"}
    whole |= {"dnsConfig", "podAnnotations", "podLabels", "podSecurityContext", "securityContext"}
    if isinstance(value, dict) and name not in whole:
        for key, child in value.items():
            yield from leaves(child, key)
    else:
        yield name
