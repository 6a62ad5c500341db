"""The comparison of pins.toml with what uses it, each kind of disagreement by itself."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import httpx2
import pytest

import harness
from harness.errors import HarnessError
from harness.pin_check import GO_PINS, check_pins, update_pins
from harness.pins import Pins, load_pins


def changed(table: str, key: str, value: Any) -> Pins:
    pins = load_pins().model_dump()
    pins[table][key] = value
    return Pins.model_validate(pins)


def test_all_pins_of_this_repository_agree() -> None:
    assert check_pins() == []


@pytest.mark.parametrize(("folder", "module", "pin"), GO_PINS, ids=lambda value: value.rpartition("/")[2])
def test_go_module_of_another_version_is_named(folder: str, module: str, pin: str) -> None:
    problems = check_pins(changed("versions", pin, "0.0.1"))
    assert any(problem.startswith(f"{folder}/go.mod has {module} v") for problem in problems)
    assert all("v0.0.1" in problem or "0.0.1" in problem or "downloads" in problem for problem in problems)


def test_airflow_of_another_version_is_named() -> None:
    (problem,) = check_pins(changed("versions", "airflow", "3.0.0"))
    assert problem.endswith("pins.toml has 3.0.0")
    assert "requirements.txt has apache-airflow 3." in problem


def test_image_without_a_digest_is_named() -> None:
    (problem,) = check_pins(changed("registry", "python", "python:3.11-slim"))
    assert problem == "registry.python is not pinned by digest: python:3.11-slim"


def test_node_image_of_another_minor_version_is_named() -> None:
    node = f"kindest/node:v1.30.0@sha256:{'0' * 64}"
    (problem,) = check_pins(changed("registry", "node", node))
    assert problem.startswith(f"registry.node is {node}, and versions.kubernetes is")


def test_download_without_checksum_or_of_other_version_is_named() -> None:
    download = {"url": "https://example.test/kind/v0.1.0/kind", "sha256": "abc"}
    problems = check_pins(changed("downloads", "kind", {"linux-amd64": download}))
    assert problems == [
        "downloads.kind.linux-amd64 is another version: https://example.test/kind/v0.1.0/kind",
        "downloads.kind.linux-amd64 has no sha256",
    ]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    shutil.copy(Path(harness.__file__).parent / "pins.toml", tmp_path)
    return tmp_path


def test_update_writes_the_checksum_of_what_was_fetched(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(url: str, **_: Any) -> httpx2.Response:
        return httpx2.Response(200, content=url.encode(), request=httpx2.Request("GET", url))

    monkeypatch.setattr("httpx2.get", get)
    lines = list(update_pins(package))
    text = (package / "pins.toml").read_text()
    for downloads in load_pins().downloads.values():
        for download in downloads.values():
            assert hashlib.sha256(download.url.encode()).hexdigest() in text
            assert download.sha256 not in text
    assert len(lines) == sum(len(downloads) for downloads in load_pins().downloads.values())


def test_update_that_fails_changes_nothing(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(url: str, **_: Any) -> httpx2.Response:
        return httpx2.Response(404, request=httpx2.Request("GET", url))

    monkeypatch.setattr("httpx2.get", get)
    before = (package / "pins.toml").read_text()
    with pytest.raises(HarnessError, match="cannot be fetched"):
        list(update_pins(package))
    assert (package / "pins.toml").read_text() == before
