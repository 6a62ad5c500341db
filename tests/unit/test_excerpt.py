"""Texts of any size: lines however the chunks fall, and of what is too long the ends and a count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import excerpt as module
from harness.excerpt import cut_line, excerpt, split_lines


def chunked(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


@given(
    st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line and not line.endswith(b"\r"))),
    st.integers(1, 30),
)
def test_lines_are_whole_however_the_chunks_fall(lines: list[bytes], size: int) -> None:
    ended = b"".join(line + b"\n" for line in lines)
    assert [line.content for line in split_lines(chunked(ended, size))] == lines


def test_last_line_needs_no_end_and_a_carriage_return_is_one() -> None:
    assert [line.content for line in split_lines([b"a\r\nb", b"c", b""])] == [b"a", b"bc"]
    assert [*split_lines([])] == []


@pytest.mark.parametrize("size", [1000, 65536, 10**6])
def test_long_line_is_cut_and_the_next_is_whole(size: int) -> None:
    content = b"x" * 200_000 + b"\nnext\n"
    first, second = split_lines(chunked(content, size))
    assert (len(first.content), first.left_out) == (module.LINE_BYTES, 200_000 - module.LINE_BYTES)
    assert str(first).endswith("x [134,464 more bytes of this line are left out]")
    assert second.content == b"next"


def test_long_line_is_cut_between_words() -> None:
    content = b"x " * 32_760 + b"password=" + b"s" * 2000 + b" end"
    (line,) = split_lines([content])
    assert line.content.endswith(b"x password=")
    assert len(line.content) + line.left_out == len(content)


def test_short_text_is_kept_whole() -> None:
    lines = [f"line {n}" for n in range(1000)]
    assert excerpt(lines) == lines


@given(st.lists(st.text(max_size=20), max_size=60), st.integers(0, 200), st.integers(1, 200))
def test_excerpt_is_the_ends_and_counts_the_rest(lines: list[str], first: int, last: int) -> None:
    kept = excerpt(lines, first=first, last=last)
    if kept == lines:
        return
    (note,) = [number for number, line in enumerate(kept) if "are left out here]" in line]
    left_out = int(kept[note].split()[0].removeprefix("[").replace(",", ""))
    assert kept[:note] == lines[:note]
    assert kept[note + 1 :] == lines[note + left_out :]
    assert left_out > 0
    assert sum(len(line) + 1 for line in kept[note + 1 :]) <= max(last, len(lines[-1]) + 1)


def test_shown_line_says_how_much_is_missing() -> None:
    assert cut_line("x" * 4000) == "x" * 4000
    assert cut_line("x" * 4001) == "x" * 4000 + " [1 more characters are not shown]"
