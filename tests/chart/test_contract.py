"""What every component takes, for all of them at the top level and for itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .render import STABLE, Object, Rendering, containers, key_of, pod_of, render

VALUES = {
    **{name: name for name in ("cleanup", "metrics", "postgresql", "scheduler", "setup", "test", "triggerer")},
    "api-server": "apiServer",
    "dag-processor": "dagProcessor",
    "pod-cleanup": "podCleanup",
    "worker": "workers",
}
ALL = ("cleanup.enabled=true", "metrics.enabled=true", "networkPolicies.enabled=true")
FIELDS: dict[str, Any] = {
    "terminationGracePeriodSeconds": 7,
    "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["db"]}],
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["192.0.2.2"]},
    "nodeSelector": {"pool": "a"},
    "tolerations": [{"key": "pool", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
    "runtimeClassName": "gvisor",
    "schedulerName": "other",
    "topologySpreadConstraints": [{"topologyKey": "rack", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}],
}
ADDED: dict[str, Any] = {
    "labels": {"team": "a", "app.kubernetes.io/name": "other"},
    "annotations": {"example.com/owner": "a"},
    "podLabels": {"cost-center": "1", "app.kubernetes.io/component": "other"},
    "podAnnotations": {"example.com/inject": "false"},
    "extraInitContainers": [{"name": "prepare", "image": "busybox"}],
    "extraContainers": [{"name": "proxy", "image": "envoy", "securityContext": {"readOnlyRootFilesystem": False}}],
    "extraEnv": [{"name": "ADDED", "value": "1"}],
    "extraEnvFrom": [{"configMapRef": {"name": "added"}}],
    "extraVolumes": [{"name": "added", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "added", "mountPath": "/added"}],
    "podSecurityContext": {"supplementalGroups": [5]},
    "securityContext": {"privileged": False},
    **FIELDS,
}
OWN = {"prepare", "proxy"}
# Two entries of all, and a component's own of the second one's name.
ENTRIES = (("other", "all"), ("added", "all"), ("added", "own"))


def assignments(prefix: str, values: dict[str, Any]) -> tuple[str, ...]:
    """Return what gives these values to a component, or with no prefix to all."""
    return tuple(
        f"{prefix}{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in values.items()
    )


@pytest.fixture(scope="module", params=["of all", "a component's own"])
def filled(request: pytest.FixtureRequest, helm: Path) -> Rendering:
    prefixes = [""] if request.param == "of all" else [f"{name}." for name in VALUES.values()]
    # Workers have a grace of their own, which wins over that of all.
    own = ("workers.terminationGracePeriodSeconds=7",)
    return render(helm, sets=(*STABLE, *ALL, *own, *(one for prefix in prefixes for one in assignments(prefix, ADDED))))


@pytest.fixture(scope="module")
def plain(helm: Path) -> Rendering:
    return render(helm, sets=(*STABLE, *ALL))


def chart_s(pod: Object) -> list[Object]:
    return [one for one in containers(pod) if one["name"] not in OWN]


@pytest.mark.parametrize("component", VALUES)
def test_pod_has_the_labels_and_annotations(filled: Rendering, plain: Rendering, component: str) -> None:
    pod, before = filled.pods()[component]["metadata"], plain.pods()[component]["metadata"]
    assert pod["labels"] == {"team": "a", "cost-center": "1", **before["labels"]}
    more = {"example.com/owner": "a"} if component in {"test", "worker"} else {}
    added = {"example.com/inject": "false", **more}
    assert added.items() <= pod["annotations"].items()
    assert set(pod["annotations"]) == {*before.get("annotations", {}), *added}


def test_what_runs_pods_has_labels_and_annotations(filled: Rendering) -> None:
    runners = [one for one in filled.objects if pod_of(one)]
    assert len(runners) == len(VALUES) - 1
    for one in runners:
        assert one["metadata"]["labels"]["team"] == "a"
        assert one["metadata"]["labels"]["app.kubernetes.io/name"] == "airflow"
        assert one["metadata"]["annotations"]["example.com/owner"] == "a"
    assert filled["CronJob/airflow-cleanup"]["spec"]["jobTemplate"]["metadata"]["labels"]["team"] == "a"


def test_labels_of_all_are_on_every_object(helm: Path) -> None:
    rendering = render(helm, "production", ("labels.team=a",))
    assert [key_of(one) for one in rendering.objects if one["metadata"]["labels"].get("team") != "a"] == []


@pytest.mark.parametrize("component", VALUES)
def test_pod_s_spec_has_the_fields(filled: Rendering, component: str) -> None:
    spec = filled.pods()[component]["spec"]
    assert {name: spec.get(name) for name in FIELDS} == FIELDS
    assert spec["securityContext"]["supplementalGroups"] == [5]
    assert spec["securityContext"]["runAsNonRoot"] is True


@pytest.mark.parametrize("component", VALUES)
def test_chart_s_containers_have_what_is_added(filled: Rendering, plain: Rendering, component: str) -> None:
    pod, before = filled.pods()[component], plain.pods()[component]
    assert [one["name"] for one in chart_s(pod)] == [one["name"] for one in containers(before)]
    assert pod["spec"]["volumes"][-1] == ADDED["extraVolumes"][0]
    for container, old in zip(chart_s(pod), containers(before), strict=True):
        assert container["env"] == [*(old.get("env") or []), *ADDED["extraEnv"]]
        assert container["envFrom"] == [*old.get("envFrom", []), *ADDED["extraEnvFrom"]]
        assert container["volumeMounts"] == [*old.get("volumeMounts", []), *ADDED["extraVolumeMounts"]]
        assert container["securityContext"] == old["securityContext"] | {"privileged": False}
        assert container["resources"] == old["resources"]


@pytest.mark.parametrize("component", VALUES)
def test_sidecar_is_native_and_before_all_else(filled: Rendering, component: str) -> None:
    sidecar, init, *_ = filled.pods()[component]["spec"]["initContainers"]
    assert (sidecar["name"], sidecar["restartPolicy"]) == ("proxy", "Always")
    assert init["name"] == "prepare"
    assert "restartPolicy" not in init


@pytest.mark.parametrize("component", VALUES)
def test_added_containers_are_confined_unless_they_say(filled: Rendering, component: str) -> None:
    sidecar, init, *_ = filled.pods()[component]["spec"]["initContainers"]
    confined = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "privileged": False}
    assert sidecar["securityContext"] == {**confined, "readOnlyRootFilesystem": False}
    assert init["securityContext"] == {**confined, "readOnlyRootFilesystem": True}


def test_lists_are_joined_and_own_entries_win(helm: Path) -> None:
    sets = (
        'extraEnv=[{"name": "A", "value": "all"}]',
        'scheduler.extraEnv=[{"name": "B", "value": "own"}]',
        'nodeSelector={"pool": "all", "disk": "ssd"}',
        "scheduler.nodeSelector.pool=own",
    )
    pods = render(helm, sets=(*STABLE, *sets)).pods()
    assert pods["scheduler"]["spec"]["nodeSelector"] == {"pool": "own", "disk": "ssd"}
    assert pods["triggerer"]["spec"]["nodeSelector"] == {"pool": "all", "disk": "ssd"}
    names = [one["name"] for one in containers(pods["scheduler"])[-1]["env"]]
    assert names[-2:] == ["A", "B"]
    assert containers(pods["triggerer"])[-1]["env"][-1]["name"] == "A"


@pytest.mark.parametrize(
    ("values", "key", "field"),
    [
        ("extraEnv", "name", "env"),
        ("extraVolumeMounts", "mountPath", "volumeMounts"),
        ("extraVolumes", "name", "volumes"),
        ("extraContainers", "name", "initContainers"),
        ("extraInitContainers", "name", "initContainers"),
    ],
)
def test_own_entry_replaces_the_common_one_of_its_name(helm: Path, values: str, key: str, field: str) -> None:
    other, common, own = ({"name": name, key: name, "from": origin} for name, origin in ENTRIES)
    sets: tuple[str, ...] = (f"{values}={json.dumps([other, common])}",)
    sets += tuple(f"{section}.{values}={json.dumps([own])}" for section in ("scheduler", "workers"))
    pods = render(helm, sets=(*STABLE, *sets)).pods()
    found = {}
    for component in ("scheduler", "worker", "triggerer"):
        spec = pods[component]["spec"]
        entries = spec["containers"][0][field] if field in {"env", "volumeMounts"} else spec[field]
        found[component] = [(one["name"], one["from"]) for one in entries if "from" in one]
    assert found == {"scheduler": [*ENTRIES[::2]], "worker": [*ENTRIES[::2]], "triggerer": [*ENTRIES[:2]]}


def test_variables_of_the_chart_stay(helm: Path, plain: Rendering) -> None:
    names = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "ADDED")
    added = [{"name": name, "value": "other"} for name in names]
    pods = render(helm, sets=(*STABLE, *ALL, f"extraEnv={json.dumps(added)}")).pods()
    for component, pod in plain.pods().items():
        for old, container in zip(containers(pod), containers(pods[component]), strict=True):
            before = old.get("env") or []
            taken = {one["name"] for one in before}
            assert container["env"] == [*before, *(one for one in added if one["name"] not in taken)]


def test_one_value_gives_every_container_a_cpu_limit(helm: Path) -> None:
    sets = ("resources.limits.cpu=2", 'extraContainers=[{"name": "proxy", "image": "envoy"}]')
    rendering = render(helm, sets=(*STABLE, *ALL, *sets, "scheduler.resources.limits.cpu=3"))
    limits = {
        (component, one["name"]): one["resources"]["limits"]["cpu"]
        for component, pod in rendering.pods().items()
        for one in containers(pod)
    }
    assert {name for name, limit in limits.items() if limit == 3} == {("scheduler", "scheduler")}
    assert set(limits.values()) == {2, 3}


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("waitForSetup", {"wait-for-setup", "wait-for-database"}),
        ("apiServer.keepAdmin", {"keep-admin"}),
        ("test", {"test"}),
        ("setup", {"migrate-database", "set-up-admin"}),
    ],
)
def test_resources_of_every_container_are_a_value(helm: Path, value: str, names: set[str]) -> None:
    rendering = render(helm, sets=(*STABLE, f"{value}.resources.limits.cpu=7"))
    all_containers = [one for pod in rendering.pods().values() for one in containers(pod)]
    assert {one["name"] for one in all_containers if one["resources"]["limits"].get("cpu") == 7} == names
