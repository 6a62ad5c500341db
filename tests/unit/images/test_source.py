"""The choice of the source, and its reason."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from harness.images import source
from harness.images.source import Choice, choose_source, keep_choice, read_choice, registry_answers
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


@pytest.mark.parametrize("mirror", ["", "mirror.test"])
def test_what_was_kept_is_taken_without_a_look(asked: list[str], mirror: str) -> None:
    kept = Choice("mirrors", "no answer", "mirror.test")
    assert choose_source("auto", FakeHost(), mirror=mirror, kept=kept) == kept
    assert asked == []


def test_another_mirror_is_asked_although_a_choice_was_kept(asked: list[str]) -> None:
    kept = Choice("mirrors", "no answer", "mirror.test")
    choice = choose_source("auto", FakeHost(), mirror="other.test", kept=kept)
    assert choice == Choice("registry", "other.test answers", "other.test")
    assert asked == ["other.test"]


def test_flag_wins_over_what_was_kept_and_keeps_its_mirror() -> None:
    kept = Choice("mirrors", "no answer", "mirror.test")
    assert choose_source("registry", FakeHost(), kept=kept) == Choice("registry", "as set", "mirror.test")


def test_choice_is_read_as_it_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "envs" / "dev.images.json"
    assert read_choice(path) is None
    for choice in (Choice("mirrors", "as set"), Choice("registry", "m answers", "m")):
        keep_choice(choice, path)
        assert read_choice(path) == choice
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"source": "registry", "more": 1, "reason": ""}', "null", "\udc80"]
)
def test_choice_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "choice"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert read_choice(path) is None


@pytest.mark.usefixtures("asked")
def test_virtual_machine_of_a_mac_has_its_own_cgroups() -> None:
    assert choose_source("auto", FakeHost(is_linux=False, cgroup_version=None)).source == "registry"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return what answers by URL; the rest is out of reach."""
    statuses: dict[str, int] = {}

    def get(url: str, **_: Any) -> httpx2.Response:
        if url not in statuses:
            raise httpx2.ConnectTimeout("too slow")
        return httpx2.Response(statuses[url])

    monkeypatch.setattr(httpx2, "get", get)
    return statuses


@pytest.mark.parametrize(("status", "answers"), [(200, True), (401, True), (404, False), (503, False), (None, False)])
def test_registry_answers_when_it_speaks_its_api(web: dict[str, int], status: int | None, *, answers: bool) -> None:
    if status:
        web["https://registry-1.docker.io/v2/"] = status
        web["http://mirror.test:5000/v2/"] = status
    assert registry_answers() is answers
    assert registry_answers("mirror.test:5000") is answers


@pytest.mark.parametrize("mirror", ["mirror.test", "mirror.test/team/hub"])
def test_mirror_may_speak_https_and_have_a_prefix(web: dict[str, int], mirror: str) -> None:
    web["https://mirror.test/v2/"] = 401
    assert registry_answers(mirror)


def test_registry_of_everybody_is_never_asked_by_http(web: dict[str, int]) -> None:
    web["http://registry-1.docker.io/v2/"] = 200
    assert not registry_answers()
