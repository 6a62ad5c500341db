"""What a command writes, line by line while it runs."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

BLOCK = 1 << 16


@dataclass
class Output:
    """The file that a command writes both its outputs to, and who hears each whole line of it."""

    file: IO[bytes]
    on_line: Callable[[str], object]
    _read: int = field(default=0, init=False)
    _rest: bytes = field(default=b"", init=False)

    def listen(self) -> bool:
        """Tell the lines that came since the last call, and return whether any byte came."""
        start = self._read
        # pread, for a read would move the position at which the command writes.
        while block := os.pread(self.file.fileno(), BLOCK, self._read):
            self._read += len(block)
            *lines, self._rest = (self._rest + block).split(b"\n")
            for line in lines:
                self.on_line(line.decode("utf-8", "replace").rstrip("\r"))
        return self._read > start

    def whole(self) -> bytes:
        """Return all that was written."""
        return os.pread(self.file.fileno(), self._read, 0)


@contextmanager
def open_output(on_line: Callable[[str], object] | None) -> Iterator[Output | None]:
    """Yield an output, or None where nobody wants to hear it."""
    if on_line is None:
        yield None
        return
    with tempfile.TemporaryFile(buffering=0) as file:
        yield Output(file, on_line)
