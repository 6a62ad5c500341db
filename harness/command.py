"""The only user of subprocess: argument lists, always a time-out, and errors that one can paste into a shell.

Each command is logged with its time and exit code when it ended; what it was given by standard input is not.
"""

import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.command_log import log_command, redact_tail
from harness.errors import HarnessError
from harness.output import open_output
from harness.redact import redact

WATCH_S = 2


@dataclass(frozen=True)
class Result:
    """What a command that ended left behind; the output is text as the command wrote it, not redacted."""

    returncode: int
    stdout: str
    stderr: str


class CommandError(HarnessError):
    """A command failed, is missing, or took too long; the message holds it as one could paste it, and its output.

    `is_late` tells that it took too long.
    """

    is_late = False

    def __init__(self, argv: Sequence[str], why: str, output: str = "") -> None:
        tail = redact_tail(output)
        what = f"{why}: {redact(shlex.join(argv))}"
        super().__init__(f"{what}\n{tail}" if tail else what)
        self.output = output


class HostCommandError(CommandError):
    """A program that makes this machine what it must be failed: the container engine, kind, the package manager."""

    party = "host"


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    stdin: str | bytes | Path | None = None,
    stdout: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    error: type[CommandError] = CommandError,
    while_running: Callable[[], None] | None = None,
    on_line: Callable[[str], object] | None = None,
) -> Result:
    """Run `argv` to its end and return its output; secrets go in by `stdin` (text, bytes or a file) or by file.

    With `stdout` the output goes into that file as the bytes that it is, and not into the result. `env` is added to
    the environment. Raises `error` when the command is missing, runs longer than `timeout_s` seconds or, with `check`,
    exits with another code than 0. `while_running` is called every few seconds; what it raises ends the command.
    `on_line` hears each line of either output within seconds; the result then has both as `stderr`, and `timeout_s`
    counts from the last of them, for a slow machine is none that stands still.
    """
    with (
        log_command(argv) as end,
        _input(stdin) as source,
        _sink(stdout) as sink,
        open_output(on_line) as output,
        _started(argv, source, env, cwd, output.file if output else sink, error=error, joins=bool(output)) as process,
    ):
        given, left_s = _bytes(stdin), timeout_s
        while True:
            slice_s = min(left_s, WATCH_S) if while_running or output else left_s
            try:
                out, err = process.communicate(given, timeout=slice_s)
                break
            except subprocess.TimeoutExpired as late:
                given, left_s = None, left_s - slice_s  # the input is given once
                if output and output.listen():
                    left_s = timeout_s
                if left_s <= 0:
                    _end(process)
                    seen = output.whole() if output else late.stderr
                    raise _late(error, argv, timeout_s, _text(seen)) from None
            if while_running:
                while_running()
        if output:
            output.listen()
            out, err = b"", output.whole()
        end(process.returncode, _text(err))
    result = Result(process.returncode, _text(out), _text(err))
    if check and result.returncode != 0:
        raise error(argv, f"exit code {result.returncode}", f"{result.stdout}\n{result.stderr}")
    return result


def run_interactive(argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Give the terminal to `argv` and return its exit code; the person at the terminal is its time-out.

    Ctrl-C reaches the command by the terminal, and it ends in its own time: a test session has things to remove.
    """
    # Before the start, so that none is missed; a handler, unlike SIG_IGN, is not handed down.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with log_command(argv) as end:
            process = subprocess.Popen(argv, env={**os.environ, **(env or {})}, cwd=cwd)
            try:
                process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise
            end(process.returncode, "")
    except OSError as error:
        raise CommandError(argv, str(error)) from None
    finally:
        signal.signal(signal.SIGINT, before)
    return process.returncode


def pipe(
    source: Sequence[str],
    sink: Sequence[str],
    *,
    timeout_s: float,
    error: type[CommandError] = CommandError,
    on_line: Callable[[str], object] | None = None,
) -> None:
    """Feed the output of `source` to `sink`, whose lines `on_line` hears; raises `error` for whichever failed."""
    with (
        log_command(source) as end_first,
        log_command(sink) as end_second,
        open_output(on_line) as output,
        _started(source, subprocess.DEVNULL, error=error) as first,
        _started(
            sink, first.stdout, stdout=output.file if output else subprocess.PIPE, error=error, joins=bool(output)
        ) as second,
    ):
        if first.stdout:
            first.stdout.close()  # so that `source` is told when `sink` dies
        first.stdout = None
        left_s = timeout_s
        while True:
            slice_s = min(left_s, WATCH_S) if output else left_s
            try:
                out, err = second.communicate(timeout=slice_s)
                _, first_err = first.communicate(timeout=timeout_s)
                break
            except subprocess.TimeoutExpired:
                left_s -= slice_s
                if output and output.listen():
                    left_s = timeout_s
                if left_s <= 0 or second.poll() is not None:
                    _end(first)
                    _end(second)
                    raise _late(error, sink, timeout_s) from None
        if output:
            output.listen()
            out, err = b"", output.whole()
        end_first(first.returncode, _text(first_err))
        end_second(second.returncode, _text(err))
    # The sink first: a source whose reader died fails only of that.
    for argv, process, wrote in ((sink, second, out + err), (source, first, first_err)):
        if process.returncode != 0:
            raise error(argv, f"exit code {process.returncode}", _text(wrote))


def _late(error: type[CommandError], argv: Sequence[str], timeout_s: float, output: str = "") -> CommandError:
    late = error(argv, f"no end after {timeout_s:.0f} s", output)
    late.is_late = True
    return late


def start_detached(argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> int:
    """Start `argv` so that it outlives us, its output appended to `log`, and return its process id."""
    with log.open("ab") as sink:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    process.returncode = 0  # nobody waits for it; without this Python warns that it still runs
    return process.pid


@contextmanager
def _started(
    argv: Sequence[str],
    stdin: int | IO[bytes] | None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
    *,
    error: type[CommandError] = CommandError,
    joins: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.STDOUT if joins else subprocess.PIPE,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as missing:  # not there, not allowed, or of another machine
        raise error(argv, str(missing)) from None
    try:
        yield process
    except BaseException:
        _end(process)
        raise
    finally:
        for stream_ in (process.stdin, process.stdout, process.stderr):
            if stream_ and process.poll() is not None:
                stream_.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: a build's children would otherwise go on after us."""
    if process.poll() is not None:
        return
    for sig, patience_s in ((signal.SIGTERM, 5), (signal.SIGKILL, 30)):
        try:
            os.killpg(process.pid, sig)
            process.wait(patience_s)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return


@contextmanager
def _input(stdin: str | bytes | Path | None) -> Iterator[int | IO[bytes]]:
    if isinstance(stdin, Path):
        with stdin.open("rb") as file:
            yield file
    else:
        yield subprocess.DEVNULL if stdin is None else subprocess.PIPE


@contextmanager
def _sink(stdout: Path | None) -> Iterator[int | IO[bytes]]:
    if stdout is None:
        yield subprocess.PIPE
    else:
        with stdout.open("wb") as file:
            yield file


def _bytes(stdin: str | bytes | Path | None) -> bytes | None:
    return stdin.encode() if isinstance(stdin, str) else stdin if isinstance(stdin, bytes) else None


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "replace")
