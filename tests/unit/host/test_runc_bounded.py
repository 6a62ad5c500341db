"""The runtime that asks for no more than this host grants."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from harness.host import runc_bounded

CAPABILITIES = {"bounding": ["CAP_KILL", "CAP_SYS_RESOURCE"], "effective": ["CAP_SYS_RESOURCE"]}
LOWERED = {"bounding": ["CAP_KILL"], "effective": []}


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []
    monkeypatch.setattr(os, "execvp", lambda *args: calls.append(args))
    monkeypatch.setattr(runc_bounded, "granted", lambda: False)
    return calls


def test_create_is_lowered_and_handed_to_runc(tmp_path: Path, executed: list[Any]) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"process": {"capabilities": CAPABILITIES, "args": ["sh"]}, "hostname": "x"}))
    words = ["--root", "/r", "create", "--bundle", str(tmp_path), "id"]
    runc_bounded.main(words)
    assert json.loads(config.read_text()) == {"process": {"capabilities": LOWERED, "args": ["sh"]}, "hostname": "x"}
    assert executed == [("runc", ["runc", *words])]


def test_exec_is_lowered_in_its_own_file(tmp_path: Path, executed: list[Any]) -> None:
    process = tmp_path / "process.json"
    process.write_text(json.dumps({"capabilities": CAPABILITIES, "args": ["sh"]}))
    runc_bounded.main(["exec", "--process", str(process), "id"])
    assert json.loads(process.read_text()) == {"capabilities": LOWERED, "args": ["sh"]}
    assert executed == [("runc", ["runc", "exec", "--process", str(process), "id"])]


@pytest.mark.parametrize("process", [{"args": ["sh"]}, {"capabilities": None}])
def test_process_without_capabilities_stays(tmp_path: Path, executed: list[Any], process: dict[str, Any]) -> None:
    file = tmp_path / "process.json"
    file.write_text(json.dumps(process))
    runc_bounded.main(["exec", "--process", str(file), "id"])
    assert json.loads(file.read_text()) == process
    assert len(executed) == 1


@pytest.mark.usefixtures("executed")
def test_nothing_is_lowered_where_all_is_granted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runc_bounded, "granted", lambda: True)
    runc_bounded.main(["create", "--bundle", str(tmp_path / "there is none"), "id"])


def test_other_verbs_pass_through(executed: list[Any]) -> None:
    runc_bounded.main(["state", "id"])
    assert executed == [("runc", ["runc", "state", "id"])]
