"""Stands in for every process: what it runs was expected word by word, or the test fails."""

import io
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest


@dataclass(frozen=True)
class Call:
    """One command that was started."""

    argv: list[str]
    stdin: bytes
    env: Mapping[str, str]
    cwd: Path | None


@dataclass
class Answer:
    """What a command does and leaves behind; one that is `late` has not ended when its time is over."""

    argv: Sequence[Any]
    stdout: str = ""
    stderr: str = ""
    returncode: int = 0
    does: Callable[[Call], None] = lambda _: None
    missing: bool = False
    late: bool = False
    is_used: bool = False


@dataclass
class FakeCommands:
    """Answers in the order of `on` for the same words; the last answer stays."""

    answers: list[Answer] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def on(self, *argv: Any, **answer: Any) -> None:
        """Expect a command; a word may be `unittest.mock.ANY`."""
        self.answers.append(Answer(argv, **answer))

    @property
    def argvs(self) -> list[list[str]]:
        """Return the words of all commands so far."""
        return [call.argv for call in self.calls]

    @property
    def lines(self) -> list[str]:
        """Return all commands so far as text."""
        return [" ".join(argv) for argv in self.argvs]

    def popen(self, argv: Sequence[str], **options: Any) -> "FakeProcess":
        """Stand in for `subprocess.Popen`."""
        return FakeProcess(self, list(argv), options)

    def answer(self, argv: list[str]) -> Answer:
        """Return the next answer to these words."""
        fitting = [answer for answer in self.answers if list(answer.argv) == argv]
        if not fitting:
            pytest.fail(f"nobody expected: {argv}")
        chosen = next((answer for answer in fitting if not answer.is_used), fitting[-1])
        chosen.is_used = True
        return chosen


class FakeProcess:
    """One process, over before anybody waits for it."""

    pid = 4242

    def __init__(self, commands: FakeCommands, argv: list[str], options: Mapping[str, Any]) -> None:
        self._answer = commands.answer(argv)
        if self._answer.missing:
            raise FileNotFoundError(2, "No such file or directory", argv[0])
        self._call = Call(argv, self._read(options.get("stdin")), options.get("env") or {}, options.get("cwd"))
        self._commands = commands
        self.args = argv
        self.stdin = None
        self.stdout: io.BytesIO | None = io.BytesIO(self._answer.stdout.encode())
        self.stderr = io.BytesIO(self._answer.stderr.encode())
        self.returncode: int | None = None
        if hasattr(options.get("stdout"), "write"):
            options["stdout"].write(self._answer.stdout.encode())
            if options.get("stderr") == subprocess.STDOUT:
                options["stdout"].write(self._answer.stderr.encode())
        if options.get("stdin") != subprocess.PIPE:
            self._end(self._call)

    def communicate(self, text: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Take the input and return the output."""
        assert timeout is None or timeout > 0
        if self.returncode is None:
            self._end(Call(self._call.argv, text or b"", self._call.env, self._call.cwd))
        if self._answer.late:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._answer.stdout.encode(), self._answer.stderr.encode()

    def poll(self) -> int | None:
        """Return the exit code."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the exit code."""
        assert timeout is None or timeout > 0
        return self.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _end(self, call: Call) -> None:
        self._commands.calls.append(call)
        self._answer.does(call)
        self.returncode = self._answer.returncode

    @staticmethod
    def _read(stdin: Any) -> bytes:
        return b"" if stdin is None or isinstance(stdin, int) else stdin.read()
