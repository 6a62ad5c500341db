"""Spans of time that overlap."""

import pytest

from support.times import most_at_once

from ..observe.samples import at


@pytest.mark.parametrize(
    ("spans", "most"), [([], 0), ([(0, 9)], 1), ([(0, 9), (9, 12)], 1), ([(0, 9), (8, 12), (8.5, 9)], 3)]
)
def test_most_at_once(spans: list[tuple[float, float]], most: int) -> None:
    assert most_at_once((at(start), at(end)) for start, end in spans) == most
