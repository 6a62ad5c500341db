"""Each pattern is linear in the length of its text, whatever the text repeats."""

import time
from collections.abc import Callable

import pytest

from harness.secret_names import mask_assignments
from harness.secret_patterns import PATTERNS
from support.adversarial import REPEATS

SMALL, LARGE = 2_000, 32_000  # 16 times: what is quadratic takes 256 times as long
MOST = 64
LEAST_S = 0.0005  # what is faster is the clock's noise


def processor_s(mask: Callable[[str], str], text: str) -> float:
    """Return the lesser of two, of this process alone: other work on the machine does not count."""
    times = []
    for _ in range(2):
        start = time.process_time()
        mask(text)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("repeated", REPEATS)
@pytest.mark.parametrize("mask", [*PATTERNS, mask_assignments], ids=lambda mask: mask.__name__)
def test_time_grows_with_the_length(mask: Callable[[str], str], repeated: str) -> None:
    piece = REPEATS[repeated]
    small = processor_s(mask, piece * (SMALL // len(piece)))
    large = processor_s(mask, piece * (LARGE // len(piece)))
    assert large < MOST * max(small, LEAST_S)
