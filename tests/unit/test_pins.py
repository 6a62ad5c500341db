"""pins.toml: its shape, and that a typo in it is not overlooked."""

import tomllib
from importlib.resources import files

import pytest
from pydantic import ValidationError

from harness.pins import Pins, load_pins


def test_every_tool_can_be_downloaded_where_dag_authors_work() -> None:
    for tool in ("kind", "helm"):
        assert {"linux-amd64", "linux-arm64", "darwin-arm64"} <= set(load_pins().downloads[tool])


def test_versions_have_no_leading_v() -> None:
    assert not [name for name, version in load_pins().versions if version.startswith("v")]


def test_unknown_key_is_refused() -> None:
    document = tomllib.loads(files("harness").joinpath("pins.toml").read_text("utf-8"))
    document["versions"]["kubernets"] = "1.0.0"
    with pytest.raises(ValidationError, match="kubernets"):
        Pins.model_validate(document)
