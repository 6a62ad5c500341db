"""What is written from the chart and kept in the repository: compared by the tests, rewritten on request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Keep = Callable[[Path, str], None]
HOW = "run `pytest tests/chart --update-snapshots`, and read the difference before you commit it"


def keep(path: Path, text: str, *, is_update: bool) -> None:
    """Compare a file with what it should hold, or write that into it."""
    if is_update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"{path} is missing: {HOW}"
    assert path.read_text().splitlines() == text.splitlines(), f"{path} is not current: {HOW}"


def between(document: str, marker: str, text: str) -> str:
    """Return a document with `text` between the marker's two comments."""
    begin, end = f"<!-- {marker}: begin -->", f"<!-- {marker}: end -->"
    head, _, rest = document.partition(begin)
    _, found, tail = rest.partition(end)
    assert found, f"there is no {begin} ... {end}"
    return f"{head}{begin}\n\n{text.strip()}\n\n{end}{tail}"
