"""The rendering by default and for production, as files: a change of the chart shows what it does to every object.

The other overlays differ from these two in what `test_objects.py` and `test_operations.py` assert.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from .generated import Keep
from .render import STABLE, Object, Rendering, key_of, render

SNAPSHOTS = Path(__file__).parent / "snapshots"
KEPT = {"default": "", "production": "production"}


@pytest.mark.parametrize("name", KEPT)
def test_the_rendering_is_that_of_the_snapshot(helm: Path, keep: Keep, name: str) -> None:
    keep(SNAPSHOTS / f"{name}.yaml", text_of(render(helm, KEPT[name], STABLE)))


def test_there_is_no_snapshot_of_anything_else() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == set(KEPT)


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
