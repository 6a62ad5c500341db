"""What is kept of a text of any size: its first lines and its last, each of bounded length, and what is left out."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LINE_BYTES = 65536
FIRST_CHARS = 262_144
LAST_CHARS = 786_432
SHOWN_CHARS = 4000
# A line is cut between words: half a secret could not be told from other text.
WORD_BYTES = 4096
WORD_END = re.compile(rb"[\s\"',;=:&/][^\s\"',;=:&/]*\Z")


@dataclass(frozen=True)
class Line:
    """The beginning of a line, and how many bytes of it are left out."""

    content: bytes
    left_out: int = 0

    @property
    def note(self) -> str:
        """Return what stands in the place of what is left out."""
        return f" [{self.left_out:,} more bytes of this line are left out]" if self.left_out else ""

    def __str__(self) -> str:
        """Return it as text; bytes that are none become a mark."""
        return self.content.decode(errors="replace") + self.note


def split_lines(chunks: Iterable[bytes]) -> Iterator[Line]:
    """Yield the lines of a stream; whatever their length, no more than `LINE_BYTES` of one and a chunk are held."""
    line = bytearray()
    left_out = 0
    is_begun = False
    for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            left_out += _extend(line, piece)
            yield _cut(line, left_out)
            line.clear()
            left_out, is_begun = 0, False
        left_out += _extend(line, rest)
        is_begun = is_begun or bool(rest)
    if is_begun:
        yield _cut(line, left_out)


def _extend(line: bytearray, piece: bytes) -> int:
    """Add what there is room for, and return how many bytes are left out."""
    room = LINE_BYTES - len(line)
    line += piece[:room]
    return max(0, len(piece) - room)


def _cut(line: bytearray, left_out: int) -> Line:
    if not left_out:
        return Line(bytes(line.removesuffix(b"\r")))
    found = WORD_END.search(line, max(0, len(line) - WORD_BYTES))
    end = found.start() + 1 if found else len(line)
    return Line(bytes(line[:end]), left_out + len(line) - end)


@dataclass
class _Last:
    """The last lines of so many characters; the others are counted."""

    most: int
    lines: deque[str] = field(default_factory=deque)
    size: int = 0
    lines_left_out: int = 0
    chars_left_out: int = 0

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.size += len(line) + 1
        while self.size > self.most and len(self.lines) > 1:
            size = len(self.lines.popleft()) + 1
            self.size -= size
            self.chars_left_out += size
            self.lines_left_out += 1


def excerpt(lines: Iterable[str], *, first: int = FIRST_CHARS, last: int = LAST_CHARS) -> list[str]:
    """Return all lines, or the first and the last of so many characters, and between them one that says so."""
    kept: list[str] = []
    rest = _Last(last)
    for line in lines:
        if first > 0:
            first -= len(line) + 1
            kept.append(line)
        else:
            rest.add(line)
    if rest.lines_left_out:
        kept.append(f"[{rest.lines_left_out:,} lines of {rest.chars_left_out:,} characters are left out here]")
    return [*kept, *rest.lines]


def cut_line(line: str, most: int = SHOWN_CHARS) -> str:
    """Return a line as a terminal should get it: of one that is too long the beginning, and how much is missing."""
    return line if len(line) <= most else f"{line[:most]} [{len(line) - most:,} more characters are not shown]"
