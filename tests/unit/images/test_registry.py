"""Official images: by digest, at a mirror where there is one."""

from unittest.mock import ANY

import pytest

from harness.images.registry import Registry
from harness.images.source import Choice
from harness.pins import load_pins
from harness.steps import Step

from ..fakes.command import FakeCommands
from ..samples import DOCKER, is_done

PINS = load_pins()


def recipes(mirror: str = "") -> Registry:
    return Registry(DOCKER, PINS, Choice("registry", "as set", mirror))


def step(name: str, mirror: str = "") -> Step:
    return next(step for step in recipes(mirror).steps() if step.name == name)


def digest(reference: str) -> str:
    return reference.partition("@")[2]


def test_node_is_kind_s_own_by_digest() -> None:
    images = recipes().images()
    assert images.node == f"kindest/node@{digest(PINS.registry.node)}"
    assert images.system == {}


def test_prefix_of_a_mirror_comes_before_the_name() -> None:
    node = recipes("mirror.test/team/hub").images().node
    assert node == f"mirror.test/team/hub/kindest/node@{digest(PINS.registry.node)}"


def test_mirror_serves_the_same_digest() -> None:
    assert recipes("mirror.test:5000").images().node == f"mirror.test:5000/kindest/node@{digest(PINS.registry.node)}"


@pytest.mark.parametrize(("mirror", "head"), [("", "python"), ("mirror.test:5000", "mirror.test:5000/library/python")])
def test_airflow_is_built_on_the_official_python(commands: FakeCommands, mirror: str, head: str) -> None:
    base = f"{head}@{digest(PINS.registry.python)}"
    tag = recipes(mirror).images().airflow
    commands.on("docker", "pull", base)
    commands.on(
        *("docker", "build", "--progress=plain", "--tag", tag, "--build-arg", f"BASE={base}"),
        *("--secret", ANY, ANY),
    )
    commands.on(
        *("docker", "build", "--progress=plain", "--tag", tag, "--build-arg", f"BASE={base}"),
        *("--secret", ANY, "--secret", ANY, ANY),
    )
    step("image python", mirror).run(str)
    step("image airflow", mirror).run(str)
    assert len(commands.calls) == 2


@pytest.mark.parametrize(("pin", "name"), [("postgresql", "postgres"), ("statsd_exporter", "prom/statsd-exporter")])
def test_image_of_a_pod_has_a_name_that_kubernetes_never_pulls(commands: FakeCommands, pin: str, name: str) -> None:
    reference = f"{name}@{digest(getattr(PINS.registry, pin))}"
    ours = getattr(recipes().images(), pin)
    commands.on("docker", "pull", reference)
    commands.on("docker", "tag", reference, ours)
    step(f"image {pin.replace('_', '-')}").run(str)
    assert len(commands.calls) == 2
    assert ours.startswith("localhost/")


def test_what_is_there_is_not_pulled(commands: FakeCommands) -> None:
    node = recipes().images().node
    commands.on("docker", "image", "inspect", "--format=.", node)
    commands.on("docker", "image", "inspect", "--format=.", node, returncode=1)
    assert is_done(step("image node"))
    assert not is_done(step("image node"))
