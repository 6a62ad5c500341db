"""Images on their way from the engine into a containerd."""

import pytest

from harness.images.load import full_name, import_images

from ..fakes.command import FakeCommands
from ..samples import DOCKER, PLATFORM


def test_import_asks_for_the_engine_s_platform_alone(commands: FakeCommands) -> None:
    commands.on(*PLATFORM, stdout="linux/arm64\n")
    commands.on("docker", "save", "a:1", "b:1", stdout="the images")
    commands.on(
        *("docker", "exec", "-i", "node", "ctr", "--namespace=k8s.io", "images", "import"),
        *("--local", "--platform=linux/arm64", "--discard-unpacked-layers", "-"),
    )
    import_images(DOCKER, ["a:1", "b:1"], "node", str)
    assert commands.calls[-1].stdin == b"the images"


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("localhost/harness/airflow:2", "localhost/harness/airflow:2"),
        ("localhost:5000/airflow", "localhost:5000/airflow:latest"),
        ("registry.test/team/airflow:2", "registry.test/team/airflow:2"),
        ("team/airflow:2", "docker.io/team/airflow:2"),
        ("airflow", "docker.io/library/airflow:latest"),
        ("airflow:2", "docker.io/library/airflow:2"),
        ("kindest/node@sha256:1", "docker.io/kindest/node@sha256:1"),
    ],
)
def test_full_name_is_what_kubernetes_asks_for(reference: str, full: str) -> None:
    assert full_name(reference) == full
