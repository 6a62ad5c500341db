"""The verbs of `harness dags`: what they print, and their exit codes."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from harness.cli import asking
from harness.cli.dags import in_words
from harness.delivery.folder import FileDiff, PastVersion, Plan
from harness.delivery.live import Delivery
from harness.delivery.origin import Origin
from harness.delivery.target import Change
from harness.environment import Environment
from harness.errors import UsageError
from harness.parts import Parts

from .invoke import invoke

DELIVERY = Delivery(Change(), 3.21, added_dags=1, changed_dags=3, removed_dags=1)
VERSIONS = [
    PastVersion(
        version="4d59bcd0b1f96f04",
        is_current=True,
        current_since=datetime(2026, 11, 22, 12, 30, tzinfo=UTC),
        files=1200,
        size_bytes=12 * 1024 * 1024,
        is_verified=False,
        unfinished_runs=0,
    ),
    PastVersion(
        version="a46015ae6664b7c4",
        is_current=False,
        current_since=None,
        files=4,
        size_bytes=4000,
        is_verified=True,
        unfinished_runs=2,
        origin=Origin("c0ffee11223344", is_clean=False, by="Ada"),
    ),
]


class FakeDags:
    """What the verbs ask of a DAGs folder."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.drift = ""
        self.differences: list[FileDiff] = []
        self.planned = Plan("a46015ae6664b7c4", "4d59bcd0b1f96f04", True, ("new.py",), (), ("old.py",))  # noqa: FBT003

    @property
    def store(self) -> Any:
        return SimpleNamespace(drift=lambda: self.drift)

    def package(self) -> None:
        self.asked.append("package")

    def sync(self, *, force: bool, is_verified: bool, planned: Plan | None) -> Delivery:
        self.asked.append(("sync", force, is_verified, planned))
        return DELIVERY

    def plan(self, *, force: bool, is_verified: bool) -> Plan:
        self.asked.append(("plan", force, is_verified))
        return self.planned

    def find(self, wanted: str) -> str:
        return {"": "a46015ae6664b7c4", "a46": "a46015ae6664b7c4"}[wanted]

    def rollback(self, version: str, *, force: bool) -> tuple[str, Delivery]:
        self.asked.append(("rollback", version, force))
        return "a46015ae6664b7c4", Delivery(Change(), 1.0)

    def history(self) -> list[PastVersion]:
        return VERSIONS

    def diff(self) -> list[FileDiff]:
        return self.differences


@pytest.fixture
def dags(monkeypatch: pytest.MonkeyPatch) -> FakeDags:
    fake = FakeDags()
    monkeypatch.setattr(Parts, "dags", fake)
    monkeypatch.setattr(Environment, "check_runs", lambda _: None)
    return fake


def test_sync_says_what_changed_and_how_long_it_took(dags: FakeDags) -> None:
    assert invoke("dags", "sync").stdout == "live: 3 DAGs changed, 1 added, 1 removed in 3.2 s\n"
    assert dags.asked == ["package", ("sync", False, True, None)]


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        (Delivery(Change(), 0.25), "live: nothing to change in 0.2 s"),
        (Delivery(Change(), 2, added_dags=1), "live: 1 DAG added in 2.0 s"),
        (Delivery(Change(), 2, changed_dags=2, other_files=1), "live: 2 DAGs changed, 1 other file in 2.0 s"),
        (Delivery(Change(), 2, other_files=2), "live: 2 other files in 2.0 s"),
    ],
)
def test_a_delivery_in_words(delivery: Delivery, words: str) -> None:
    assert in_words(delivery) == words


def test_sync_without_checks_says_what_it_skipped(dags: FakeDags) -> None:
    result = invoke("dags", "sync", "--no-verify", "--force")
    assert "not verified: the files were neither compiled nor imported" in result.stderr.replace("\n", " ")
    assert dags.asked == ["package", ("sync", True, False, None)]


def test_bad_dags_are_told_before_the_cluster_is_asked(dags: FakeDags, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise UsageError("over the limit")

    monkeypatch.setattr(dags, "package", refuse)
    monkeypatch.setattr(Environment, "check_runs", lambda _: pytest.fail("asked"))
    assert isinstance(invoke("dags", "sync").exception, UsageError)


@pytest.mark.usefixtures("dags")
def test_history_fits_a_terminal_and_marks_what_matters() -> None:
    lines = invoke("dags", "history").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    shown = [re.split(r"\s{2,}", line.strip()) for line in lines]
    assert shown[1] == ["4d59bcd0b1f96f04", "2026-11-22 12:30:00", "1200", "12288 KiB", "current, not verified"]
    assert shown[2] == ["a46015ae6664b7c4", "never", "4", "4 KiB", "2 unfinished runs,"]
    assert " ".join(line.strip() for line in lines[3:]) == "commit c0ffee1122 with changes by Ada"
    assert json.loads(invoke("dags", "history", "--json").stdout)[0]["is_current"] is True


def test_rollback_says_its_version_and_that_the_folder_stays(dags: FakeDags) -> None:
    result = invoke("dags", "rollback", "a46")
    assert "live: nothing to change in 1.0 s; back at version a46015ae6664b7c4" in result.stdout
    assert "the next sync delivers it again" in result.stdout
    assert dags.asked == [("rollback", "a46015ae6664b7c4", False)]


def test_diff_of_the_same_is_zero(dags: FakeDags) -> None:
    result = invoke("dags", "diff")
    assert result.stdout == "the cluster has what the folder has\n"
    assert result.exit_code == 0
    assert dags.asked == []


def test_diff_shows_each_file_and_is_one(dags: FakeDags) -> None:
    text = "--- cluster/a.py\n+++ folder/a.py\n@@ -1 +1 @@\n-x = 1[/b]\n+password = 'hunter22'\n"
    dags.differences = [
        FileDiff("a.py", cluster=True, folder=True, text=text),
        FileDiff("b.py", cluster=True, folder=False, text=""),
        FileDiff("[draft]_[/b]_query.sql", cluster=False, folder=True, text=""),
    ]
    dags.drift = "its files are not those of the last sync"
    result = invoke("dags", "diff")
    assert result.exit_code == 1
    assert "a.py: changed" in result.stdout
    assert "-x = 1[/b]\n" in result.stdout
    assert "b.py: only in the cluster" in result.stdout
    assert "[draft]_[/b]_query.sql: only in the folder" in result.stdout
    assert "hunter22" not in result.stdout
    assert "changed by somebody else: its files are not" in result.stderr
    assert json.loads(invoke("dags", "diff", "--json").stdout)["files"][0]["path"] == "a.py"


def test_dry_run_tells_what_a_sync_would_do_and_does_nothing(dags: FakeDags) -> None:
    told = invoke("dags", "sync", "--dry-run")
    assert (told.exit_code, told.stdout) == (3, "would add new.py\nwould remove old.py\n")
    shown = invoke("dags", "sync", "--dry-run", "--json")
    assert shown.exit_code == 3
    assert json.loads(shown.stdout)["added"] == ["new.py"]
    dags.planned = replace(dags.planned, would_change=False, added=(), removed=())
    same = invoke("dags", "sync", "--dry-run", "--no-verify")
    assert (same.exit_code, same.stdout) == (0, "the cluster has what the folder has\n")
    assert [asked for asked in dags.asked if asked != "package"] == [
        *[("plan", False, True)] * 2,
        ("plan", False, False),
    ]
    assert isinstance(invoke("dags", "sync", "--json").exception, UsageError)


PROTECTED = {
    "dags sync": "deliver version 4d59bcd0b1f96f04 over a46015ae6664b7c4",
    "dags rollback": "go back to version a46015ae6664b7c4",
    "dags run hello": "start a run of DAG hello",
    "dags watch": "deliver the DAGs folder at every save",
    "up": "make it what the project's settings, chart and DAGs say",
    "down": "remove it",
    "stop": "stop it, with all tasks that run",
    "pause": "pause it, with all tasks that run",
    "restore a.tar": "put a backup in the place of its database",
    "reset": "empty its history, connections and variables",
    "test": "run tests, which start DAG runs there and may empty its history",
}


@pytest.mark.parametrize("words", PROTECTED)
def test_protected_environment_is_not_changed_unasked(
    dags: FakeDags, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_PROTECTED", "true")
    monkeypatch.setattr(asking, "has_terminal", lambda: False)
    error = invoke(*words.split()).exception
    assert isinstance(error, UsageError)
    assert str(error) == f"`dev` is protected, and this would {PROTECTED[words]}"
    assert error.next_step == "say --yes when that is meant"
    assert not [asked for asked in dags.asked if asked[0] in {"sync", "rollback"}]


def test_protected_environment_is_changed_by_a_yes(dags: FakeDags, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_PROTECTED", "true")
    assert invoke("dags", "sync", "--yes").exit_code == 0
    monkeypatch.setattr(asking, "has_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    assert "would add new.py" in invoke("dags", "sync").stdout
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert isinstance(invoke("dags", "sync").exception, UsageError)
    assert [asked for asked in dags.asked if asked[0] == "sync"] == [
        ("sync", False, True, None),
        ("sync", False, True, dags.planned),
    ]
