"""The choice of the source, and its reason."""

from typing import Any

import httpx2
import pytest

from harness.images import source
from harness.images.source import choose_source, registry_answers
from harness.settings import ImageSource

from ..fakes.host import FakeHost


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    urls: list[str] = []

    def answer(mirror: str) -> bool:
        urls.append(mirror)
        return True

    monkeypatch.setattr(source, "registry_answers", answer)
    return urls


@pytest.mark.parametrize("wanted", ["registry", "mirrors"])
def test_what_was_set_is_taken_without_a_look(asked: list[str], wanted: ImageSource) -> None:
    choice = choose_source(wanted, FakeHost(cgroup_version=1))
    assert (choice.source, choice.reason) == (wanted, "as set")
    assert asked == []


def test_auto_takes_the_registry_that_answers(asked: list[str]) -> None:
    choice = choose_source("auto", FakeHost(), mirror="mirror.test:5000")
    assert (choice.source, choice.reason) == ("registry", "mirror.test:5000 answers")
    assert asked == ["mirror.test:5000"]


def test_auto_takes_the_mirrors_where_no_registry_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "registry_answers", lambda _: False)
    choice = choose_source("auto", FakeHost())
    assert choice.source == "mirrors"
    assert "does not answer within 3 s" in choice.reason


def test_auto_builds_where_the_official_node_cannot_run(asked: list[str]) -> None:
    choice = choose_source("auto", FakeHost(cgroup_version=1))
    assert choice.source == "mirrors"
    assert "cgroup v1" in choice.reason
    assert asked == []


@pytest.mark.usefixtures("asked")
def test_virtual_machine_of_a_mac_has_its_own_cgroups() -> None:
    assert choose_source("auto", FakeHost(is_linux=False, cgroup_version=None)).source == "registry"


@pytest.mark.parametrize(("status", "answers"), [(200, True), (401, True), (404, False), (503, False), (None, False)])
def test_registry_answers_when_it_speaks_its_api(
    monkeypatch: pytest.MonkeyPatch, status: int | None, *, answers: bool
) -> None:
    urls = []

    def get(url: str, **_: Any) -> httpx2.Response:
        urls.append(url)
        if status is None:
            raise httpx2.ConnectTimeout("too slow")
        return httpx2.Response(status)

    monkeypatch.setattr("harness.images.source.httpx2.get", get)
    assert registry_answers() is answers
    assert registry_answers("mirror.test:5000") is answers
    assert urls[0].startswith("https://registry-1.")
    assert urls[1] == "http://mirror.test:5000/v2/"
