"""The set of images: its digest stands for every name in it."""

from dataclasses import replace

import pytest

from harness.images.imageset import name_image

from ..samples import IMAGES, REGISTRY_IMAGES


@pytest.mark.parametrize(
    "change",
    [{"node": "n"}, {"airflow": "a"}, {"postgresql": "p"}, {"statsd_exporter": "s"}, {"system": {}}],
    ids=lambda change: next(iter(change)),
)
def test_digest_changes_with_each_image(change: dict[str, object]) -> None:
    assert replace(IMAGES, **change).digest != IMAGES.digest  # type: ignore[arg-type]


def test_digest_does_not_depend_on_the_order_or_the_choice() -> None:
    system = {"a:1": "x", "b:1": "y"}
    one, two = (replace(IMAGES, system=dict(items)) for items in (system.items(), reversed(system.items())))
    assert one.digest == two.digest
    assert replace(IMAGES, choice=REGISTRY_IMAGES.choice).digest == IMAGES.digest


def test_our_images_are_never_pulled() -> None:
    assert name_image("node", "1") == "localhost/harness/node:1"
