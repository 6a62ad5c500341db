"""The rendering of each overlay, as a file: a change of the chart shows what it does to every object."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from .conftest import OVERLAYS
from .generated import Keep
from .render import STABLE, Object, Rendering, key_of, render

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda name: name or "default")
def test_the_rendering_is_that_of_the_snapshot(helm: Path, keep: Keep, overlay: str) -> None:
    keep(SNAPSHOTS / f"{overlay or 'default'}.yaml", text_of(render(helm, overlay, STABLE)))


def test_there_is_no_snapshot_of_anything_else() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == {overlay or "default" for overlay in OVERLAYS}


def text_of(rendering: Rendering) -> str:
    """Return the objects by name, without what is random or a copy of a file."""
    objects = sorted(map(comparable, rendering.objects), key=key_of)
    return yaml.safe_dump_all(objects, width=120)


def comparable(one: Object) -> Object:
    """Return an object whose Secret values and copied files are named only."""
    if one["kind"] == "Secret":
        return {**one, "data": dict.fromkeys(one["data"], "generated")}
    if key_of(one) == "ConfigMap/airflow-scripts":
        return {**one, "data": {name: f"files/{name}" for name in one["data"]}}
    if key_of(one) == "ConfigMap/airflow-pod-template":
        return {**one, "data": {name: yaml.safe_load(text) for name, text in one["data"].items()}}
    return one
