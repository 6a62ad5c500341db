"""The source `registry`, against a registry of our own that serves images by digest."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from harness import AirflowEnv, CommandError, NotYet, wait_until

from .inside import (
    Choice,
    Docker,
    Host,
    Mirrors,
    Outcome,
    Pins,
    Registry,
    RegistryImages,
    build_secrets,
    choose_source,
    hash_of,
    name_image,
    registry_answers,
    run_steps,
)

pytestmark = pytest.mark.timeout(600, func_only=True)

CONTEXT = Path(__file__).parent / "registry"
NAMES = {
    "node": "kindest/node",
    "python": "library/python",
    "postgresql": "library/postgres",
    "statsd_exporter": "prom/statsd-exporter",
}


class Recorded:
    """A reporter that keeps each step's outcome."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}

    def started(self, name: str) -> None: ...

    def said(self, text: str) -> None: ...

    def ended(self, name: str, outcome: Outcome, seconds: float) -> None:  # noqa: ARG002 - the protocol's
        self.outcomes[name] = outcome


@dataclass(frozen=True)
class Served:
    """A registry, and pins whose digests it serves."""

    docker: Docker
    host: str
    pins: Pins

    def source(self) -> Registry:
        return Registry(self.docker, self.pins, Choice("registry", "test", self.host))


@pytest.fixture(scope="module")
def served(airflow_env: AirflowEnv) -> Iterator[Served]:
    """Start a registry that serves this machine's images in place of the official ones."""
    recipes = airflow_env.environment.parts.recipes
    docker = recipes.docker
    image = name_image("registry", hash_of(recipes.base, CONTEXT))
    with build_secrets() as secrets:
        docker.build(CONTEXT, image, args={"BASE": recipes.base}, secrets=secrets)
    container = DockerContainer(image)
    container.ports["5000/tcp"] = ("127.0.0.1", None)  # type: ignore[assignment]  # docker-py takes it
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testcontainers_config, "ryuk_disabled", value=True)  # its image would come from a registry
        with container:
            host = f"127.0.0.1:{container.get_exposed_port(5000)}"
            wait_until(host, lambda: registry_answers(host) or NotYet("no answer"), timeout_s=30)
            served = Served(docker, host, _push(recipes, host))
            _forget(served)  # an earlier session may have had the same port, and so the same names
            yield served
            _forget(served)


def _forget(served: Served) -> None:
    """Remove what the source has pulled and built."""
    source = served.source()
    images = source.images()
    for name in (*images.release, images.node, source.base):
        if served.docker.has_images(name):
            served.docker.call("image", "rm", name)


def _push(recipes: Mirrors | Registry, host: str) -> Pins:
    """Push an image for each pin, forget them here, and return pins with the digests that the registry serves."""
    images = recipes.images()
    digests = {}
    sources = {"node": images.node, "python": recipes.base, "postgresql": images.postgresql}
    for pin, image in {**sources, "statsd_exporter": images.statsd_exporter}.items():
        name = f"{host}/{NAMES[pin]}:test"
        recipes.docker.call("tag", image, name)
        recipes.docker.call("push", "--quiet", name, timeout_s=300)
        pushed = recipes.docker.call("image", "inspect", '--format={{join .RepoDigests " "}}', name).split()
        digest = next(reference.partition("@")[2] for reference in pushed if reference.startswith(host))
        recipes.docker.call("image", "rm", name)
        digests[pin] = f"{NAMES[pin].removeprefix('library/')}:test@{digest}"
    return recipes.pins.model_copy(update={"registry": RegistryImages(**digests)})


def test_images_come_from_the_registry_by_digest_and_only_once(served: Served) -> None:
    source = served.source()
    first, second = Recorded(), Recorded()
    run_steps(source.steps(), first)
    assert set(first.outcomes.values()) == {"done"}
    images = source.images()
    assert images.node.startswith(f"{served.host}/kindest/node@sha256:")
    assert not images.system
    version = served.docker.run_once(images.airflow, ["airflow", "version"])
    assert version.splitlines()[-1] == served.pins.versions.airflow
    run_steps(source.steps(), second)
    assert set(second.outcomes.values()) == {"unchanged"}


def test_a_digest_that_the_registry_does_not_have_is_refused(served: Served) -> None:
    node = f"kindest/node:test@sha256:{'0' * 64}"
    pins = served.pins.model_copy(update={"registry": served.pins.registry.model_copy(update={"node": node})})
    with pytest.raises(CommandError, match="not found"):
        run_steps(replace(served, pins=pins).source().steps(), Recorded())


def test_auto_takes_the_registry_that_answers(served: Served) -> None:
    on_cgroup_v2 = Host(root=Path("/nonexistent"))
    assert choose_source("auto", on_cgroup_v2, mirror=served.host).source == "registry"
    assert choose_source("auto", on_cgroup_v2, mirror="127.0.0.1:1").source == "mirrors"
