"""What clusters with policies of their own ask for, and the overlays that give it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from .pod_security import CONTROLS
from .render import HELM_DIR, Object, Rendering, containers, key_of, pod_of, render

IDS = {"runAsUser", "runAsGroup", "fsGroup"}
MORE = ("cleanup.enabled=true", "metrics.enabled=true", 'workers.templates={"small": {"labels": {"size": "s"}}}')


def given(name: str) -> tuple[str, ...]:
    """Return an overlay as assignments, to be rendered on top of another."""
    values = yaml.safe_load((HELM_DIR / f"values/{name}.yaml").read_text())
    return tuple(f"{path}={value}" for path, value in assignments(values))


def assignments(values: Object, path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        here = f"{path}.{name}".removeprefix(".")
        if isinstance(value, dict):
            yield from assignments(value, here)
        else:
            yield here, "null" if value is None else str(value)


@pytest.fixture(scope="module", params=["kind", "production"])
def confined(request: pytest.FixtureRequest, helm: Path) -> Rendering:
    """Render another overlay with the one for OpenShift and the one for admission."""
    return render(helm, request.param, (*MORE, *given("openshift"), *given("admission")))


def all_pods(rendering: Rendering) -> list[Object]:
    return [*rendering.pods().values(), rendering.worker_pod("small")]


def test_no_pod_of_openshift_says_whom_it_runs_as(confined: Rendering) -> None:
    pods = all_pods(confined)
    contexts = [pod["spec"]["securityContext"] for pod in pods]
    contexts += [one["securityContext"] for pod in pods for one in containers(pod)]
    assert [context for context in contexts if IDS & set(context)] == []


def test_pods_of_openshift_keep_the_standard_restricted(confined: Rendering) -> None:
    pods = all_pods(confined)
    assert {control.name: control.refused(pods) for control in CONTROLS} == {one.name: set() for one in CONTROLS}


def test_every_object_and_pod_has_the_labels_asked_for(confined: Rendering) -> None:
    pods = [pod["metadata"] for one in confined.objects if (pod := pod_of(one))]
    pods += [pod["metadata"] for pod in all_pods(confined)]
    metadata = [*(one["metadata"] for one in confined.objects), *pods]
    unlabelled = [one for one in metadata if one["labels"].get("team") != "data-platform"]
    assert unlabelled == []
    assert len(pods) > len(confined.of_kind("Deployment"))


def test_every_container_has_limits_of_cpu_and_memory(confined: Rendering) -> None:
    for pod in all_pods(confined):
        for one in containers(pod):
            assert {"cpu", "memory"} <= set(one["resources"]["limits"]), one["name"]


def test_without_the_overlays_some_of_it_is_missing(helm: Path) -> None:
    plain = render(helm, "kind", MORE)
    assert all(set(pod["spec"]["securityContext"]) >= IDS for pod in all_pods(plain))
    assert "cpu" not in containers(plain.worker_pod())[0]["resources"]["limits"]
    assert not [key_of(one) for one in plain.objects if "team" in one["metadata"]["labels"]]
