"""The gate without an engine: one process of this Python, and what it says when there is no verdict."""

import json
import sys
from typing import Any

import pytest

from harness.errors import HarnessError, UsageError
from harness.gate import here
from harness.gate.base import read_script
from harness.gate.here import BOOT, GateHere

from ..fakes.command import FakeCommands

WORDS = (sys.executable, "-P", "-E", "-c", BOOT, *map(read_script, ("importer", "server", "client")))
RESULT = {
    "file": "a.py",
    "dag_ids": ["a"],
    "error": "",
    "cycles": {},
    "unknowns": [],
    "imports": [],
    "made": [],
    "ended": "whole",
}
ANSWER = {"tree": "/tmp/check/dags", "limit_s": 50, "discovery_error": "", "results": [RESULT]}  # noqa: S108 - of nothing


@pytest.fixture(autouse=True)
def _has_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "find_spec", lambda name: name)


def test_check_is_one_process_with_variables_by_stdin(commands: FakeCommands) -> None:
    commands.on(*WORDS, stdout=json.dumps(ANSWER))
    verdict = GateHere().check({"a.py": b"x"}, variables={"TOKEN": "s3cr3t"}, settings={"AIRFLOW__CORE__X": "1"})
    assert (verdict.problems, verdict.defined.files) == ((), {"a": "a.py"})
    (call,) = commands.calls
    assert "s3cr3t" not in f"{call.argv} {call.env}"
    header, _, bodies = call.stdin.partition(b"\n")
    assert json.loads(header)["environment"] == {"AIRFLOW__CORE__X": "1", "TOKEN": "s3cr3t"}
    assert bodies == b"x"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"returncode": 1, "stderr": "ImportError: libpq"}, "gave no verdict: ImportError: libpq"),
        ({"stdout": "{}"}, "gave no verdict: exit code 0"),
    ],
)
def test_no_answer_is_an_error_with_its_reason(commands: FakeCommands, answer: dict[str, Any], told: str) -> None:
    commands.on(*WORDS, **answer)
    with pytest.raises(HarnessError, match=told) as caught:
        GateHere().check({"a.py": b"x"}, variables={})
    assert "--no-verify" in caught.value.next_step


def test_python_without_airflow_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r'`gate = "here"` needs an Airflow beside the harness') as caught:
        GateHere().check({"a.py": b"x"}, variables={})
    assert "set `gate` to `container`" in caught.value.next_step
