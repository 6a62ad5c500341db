"""Commands: real processes, for this module is the one that starts them."""

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import command
from harness.command import CommandError, HostCommandError, pipe, run, run_interactive, start_detached
from harness.redact import remember_secrets

pytestmark = pytest.mark.processes

SH = ("/bin/sh", "-c")


def has_ended(pid: int) -> bool:
    """Tell whether a process ends, for a signal takes its time to arrive."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 5)[0])
    finally:
        os.close(descriptor)


def test_output_and_code_come_back_apart() -> None:
    result = run([*SH, "echo out; echo err >&2; exit 3"], timeout_s=10, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (3, "out\n", "err\n")


@pytest.mark.parametrize("kind", ["text", "bytes", "file"])
def test_stdin_may_be_text_bytes_or_a_file(kind: str, tmp_path: Path) -> None:
    (tmp_path / "input").write_text("grüße")
    given: dict[str, str | bytes | Path] = {"text": "grüße", "bytes": "grüße".encode(), "file": tmp_path / "input"}
    assert run(["cat"], stdin=given[kind], timeout_s=10).stdout == "grüße"


def test_without_stdin_there_is_nothing_to_read() -> None:
    assert run(["cat"], timeout_s=10).stdout == ""


def test_what_looks_on_while_a_command_runs_may_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "WATCH_S", 0.01)
    pid = tmp_path / "pid"

    def look() -> None:
        if pid.exists():
            raise ValueError("enough")

    script = "cat; echo $$ > written; mv written pid; exec sleep 60"
    with pytest.raises(ValueError, match="enough"):
        run([*SH, script], stdin="read", timeout_s=10, cwd=tmp_path, while_running=look)
    assert has_ended(int(pid.read_text()))


def test_command_that_is_looked_on_ends_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "WATCH_S", 0.01)
    looks: list[str] = []
    result = run([*SH, "cat; sleep 0.1; echo out"], stdin="in ", timeout_s=10, while_running=lambda: looks.append(""))
    assert result.stdout == "in out\n"
    assert looks
    with pytest.raises(CommandError, match="no end after 0 s"):
        run(["sleep", "60"], timeout_s=0.05, while_running=lambda: None)


def test_output_into_a_file_stays_the_bytes_that_it_is(tmp_path: Path) -> None:
    result = run([*SH, r"printf '\377\000\n'; echo err >&2"], stdout=tmp_path / "output", timeout_s=10)
    assert (tmp_path / "output").read_bytes() == b"\xff\x00\n"
    assert (result.stdout, result.stderr) == ("", "err\n")


def test_env_is_added_and_cwd_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "kept")
    result = run([*SH, "echo $KEPT $ADDED; pwd"], env={"ADDED": "added"}, cwd=tmp_path, timeout_s=10)
    assert result.stdout == f"kept added\n{tmp_path.resolve()}\n"


def test_failure_can_be_pasted_and_holds_the_end_of_both_outputs() -> None:
    script = "seq 100; echo 'went wrong' >&2; exit 7"
    with pytest.raises(CommandError) as caught:
        run([*SH, script], timeout_s=10)
    first, *tail = str(caught.value).splitlines()
    assert first == """exit code 7: /bin/sh -c 'seq 100; echo '"'"'went wrong'"'"' >&2; exit 7'"""
    assert tail[-1] == "went wrong"
    assert len(tail) == 30
    assert caught.value.output.startswith("1\n2\n")


@pytest.mark.parametrize("words", [["/bin/sh", "-c", "exit 3"], ["/bin/nothing-of-that-name"], ["/bin/sleep", "9"]])
def test_failure_is_of_the_class_that_was_asked_for(words: list[str]) -> None:
    with pytest.raises(HostCommandError) as caught:
        run(words, timeout_s=0.2, error=HostCommandError)
    assert caught.value.party == "host"
    with pytest.raises(HostCommandError):
        pipe(words, ["/bin/cat"], timeout_s=0.2, error=HostCommandError)


def test_failure_holds_no_secret() -> None:
    remember_secrets(["s3cr3t-value"])
    with pytest.raises(CommandError) as caught:
        run([*SH, "echo password=hunter22 >&2; false s3cr3t-value"], timeout_s=10)
    assert "hunter22" not in str(caught.value)
    assert "s3cr3t-value" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "not executable", "\x7fELF of another machine"])
def test_command_that_cannot_start_is_told(tmp_path: Path, content: str | None) -> None:
    command = tmp_path / "command"
    if content:
        command.write_text(content)
        command.chmod(0o755 if "ELF" in content else 0o644)
    with pytest.raises(CommandError, match=str(command)):
        run([str(command)], timeout_s=10)
    with pytest.raises(CommandError, match=str(command)):
        run_interactive([str(command)])


def test_time_out_ends_the_command_and_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(CommandError, match=r"no end after 0 s: /bin/sh"):
        run([*SH, f"sleep 600 & echo $! > {pid_file}; wait"], timeout_s=0.3)
    assert has_ended(int(pid_file.read_text()))


def test_pipe_feeds_one_to_the_other(tmp_path: Path) -> None:
    pipe(["seq", "3"], [*SH, f"cat > {tmp_path}/out"], timeout_s=10)
    assert (tmp_path / "out").read_text() == "1\n2\n3\n"


def test_pipe_names_the_sink_when_it_fails_first() -> None:
    with pytest.raises(CommandError, match="exit code 5") as caught:
        pipe(["seq", "1000000"], [*SH, "echo full >&2; exit 5"], timeout_s=10)
    assert "full" in str(caught.value)


def test_pipe_names_the_source_when_only_it_fails() -> None:
    with pytest.raises(CommandError, match="exit code 6"):
        pipe([*SH, "echo part; exit 6"], ["cat"], timeout_s=10)


def test_pipe_that_takes_too_long_ends() -> None:
    with pytest.raises(CommandError, match="no end after"):
        pipe(["sleep", "600"], ["cat"], timeout_s=0.2)


def test_interactive_returns_the_code() -> None:
    assert run_interactive([*SH, "exit $CODE"], env={"CODE": "9"}) == 9


def test_interrupted_interactive_command_ends_in_its_own_time() -> None:
    assert run_interactive([*SH, "kill -INT $PPID; exit 4"]) == 4


def test_detached_command_has_its_own_session_and_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    code = "import os; print(os.getsid(0) == os.getpid())"
    pid = start_detached([sys.executable, "-I", "-S", "-c", code], log=log)
    os.waitpid(pid, 0)
    assert log.read_text() == "before\nTrue\n"


def test_lines_are_heard_while_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "WATCH_S", 0.01)
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        (tmp_path / "heard").touch()

    script = "echo one; until [ -e heard ]; do :; done; printf 'grü\\nße\\nrest' >&2; exit 3"
    result = run([*SH, script], timeout_s=10, cwd=tmp_path, check=False, on_line=hear)
    assert heard == ["one", "grü", "ße"]
    assert (result.returncode, result.stdout, result.stderr) == (3, "", "one\ngrü\nße\nrest")


class SlowProcess:
    """A process that writes a line for each look at it, while there are any, and ends after `looks` of them."""

    pid, stdin, stdout, stderr, returncode = 0, None, None, None, 0

    def __init__(self, lines: int, looks: int, file: Any) -> None:
        self.lines, self.looks, self.file = lines, looks, file

    def communicate(self, _: bytes | None, timeout: float) -> tuple[bytes, bytes]:
        if self.lines:
            self.lines -= 1
            self.file.write(b"a line\n")
        self.looks -= 1
        if self.looks:
            raise subprocess.TimeoutExpired("slow", timeout)
        return b"", b""

    def poll(self) -> int:
        return 0


def test_time_counts_from_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_s, heard = 3 * command.WATCH_S, list[str]()
    monkeypatch.setattr(subprocess, "Popen", lambda _, stdout, **__: SlowProcess(10, looks=10, file=stdout))
    run(["slow"], timeout_s=limit_s, on_line=heard.append)
    assert len(heard) == 10
    monkeypatch.setattr(subprocess, "Popen", lambda _, stdout, **__: SlowProcess(5, looks=10, file=stdout))
    with pytest.raises(CommandError, match="no end after 6 s: slow\na line"):
        run(["slow"], timeout_s=limit_s, on_line=heard.append)
    assert len(heard) == 15


def test_lines_of_a_pipe_s_end_are_heard() -> None:
    heard: list[str] = []
    pipe([*SH, "echo a; echo b; echo lost >&2"], ["cat"], timeout_s=10, on_line=heard.append)
    assert heard == ["a", "b"]
    with pytest.raises(CommandError, match="no room"):
        pipe([*SH, "echo a"], [*SH, "cat; echo no room; exit 1"], timeout_s=10, on_line=heard.append)
