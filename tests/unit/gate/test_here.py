"""The gate without an engine: one process of this Python, and what it says when there is no verdict."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.command import CommandError
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


def test_time_out_is_told_without_the_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    def be_late(words: list[str], **_: Any) -> None:
        raise CommandError(words, "no end after 600 s")

    monkeypatch.setattr(here, "run", be_late)
    with pytest.raises(HarnessError) as caught:
        GateHere().check({"a.py": b"x"}, variables={})
    assert str(caught.value) == "the DAG gate did not end in 600 s"
    assert "--no-verify" in caught.value.next_step


# What the scripts ask of Airflow, without one.
STAND_INS = {
    "importer": "_parse = lambda file, *_: exec(Path(file).read_text()) or {}",
    "server": """
import_airflow = lambda: None
_limit_s = lambda: 50
_dag_files = lambda tree, **_: sorted(map(str, tree.glob("*.py")))
""",
}


def read_stand_in(name: str) -> str:
    return f"{read_script(name)}\n{STAND_INS.get(name, '')}"


@pytest.mark.processes
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_check_that_is_ended_leaves_nothing(tmp_path: Path, send: Callable[[int, int], None]) -> None:
    (tmp_path / "tmp").mkdir()
    os.mkfifo(tmp_path / "is-open")
    dag = f"import signal\nheld = open({str(tmp_path / 'is-open')!r}, 'w')\nheld.write('x')\nheld.flush()\n"
    dag += "while True:\n    signal.pause()\n"
    header = {"files": {"a.py": len(dag)}, "executables": [], "folders": [], "environment": {}}
    with subprocess.Popen(
        [sys.executable, "-P", "-E", "-c", BOOT, *map(read_stand_in, ("importer", "server", "client"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"TMPDIR": str(tmp_path / "tmp")},
        start_new_session=True,
    ) as gate:
        assert gate.stdin
        gate.stdin.write(json.dumps(header).encode() + b"\n" + dag.encode())
        gate.stdin.close()
        gate.stdin = None
        with (tmp_path / "is-open").open() as held:
            assert held.read(1) == "x"
            send(gate.pid, signal.SIGTERM)
            # Both ends come only when nobody is left who could write.
            assert gate.communicate(timeout=20) == (b"", b"")
            assert held.read() == ""
    assert gate.returncode == 128 + signal.SIGTERM
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.processes
def test_where_no_affinity_is_known_files_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAND_INS, "server", f"{STAND_INS['server']}\nvars(os).pop('sched_getaffinity', None)")
    monkeypatch.setattr(here, "read_script", read_stand_in)
    verdict = GateHere().check({"a.py": b"import sys\nprint('told', file=sys.stderr)\n1 / 0"}, variables={})
    assert [problem.what for problem in verdict.problems] == ["ZeroDivisionError: division by zero"]


@pytest.mark.processes
def test_error_of_the_gate_itself_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAND_INS, "server", f"{STAND_INS['server']}\n_limit_s = lambda: int('fifty')")
    monkeypatch.setattr(here, "read_script", read_stand_in)
    with pytest.raises(HarnessError, match=r"gave no verdict: Traceback(?s:.*)ValueError: .* 'fifty'") as caught:
        GateHere().check({"a.py": b"x = 1"}, variables={})
    assert "the check ended without an answer" in str(caught.value)


@pytest.mark.processes
def test_what_a_dag_file_prints_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAND_INS, "server", f"{STAND_INS['server']}\n_take = lambda *_: 1 / 0")
    monkeypatch.setattr(here, "read_script", read_stand_in)
    with pytest.raises(HarnessError, match="ZeroDivisionError") as caught:
        GateHere().check({"a.py": b"import os\nos.write(1, b'told')\nos.write(2, b'told')\n"}, variables={})
    assert "told" not in str(caught.value)
