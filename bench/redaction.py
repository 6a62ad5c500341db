"""How long redaction takes by the size of its input: prints the table of docs/reference/measurements.md.

.venv/bin/python bench/redaction.py [LARGEST]
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from harness.redact import redact
from harness.secret_names import mask_assignments
from harness.secret_patterns import PATTERNS
from support.adversarial import REPEATS

ORDINARY = "an ordinary log"
SIZES = {"1 KB": 10**3, "10 KB": 10**4, "100 KB": 10**5, "1 MB": 10**6, "10 MB": 10**7}


def measure(mask: Callable[[str], str], text: str) -> float:
    """Return the seconds that one call takes."""
    start = time.perf_counter()
    mask(text)
    return time.perf_counter() - start


def main() -> None:
    """Measure each pattern with the repeats that cost it most, and all of them together."""
    largest = float(sys.argv[1]) if len(sys.argv) > 1 else max(SIZES.values())
    sizes = {name: size for name, size in SIZES.items() if size <= largest}
    print(f"| pattern | worst of {len(REPEATS)} texts | {' | '.join(sizes)} |")
    print(f"| --- | --- |{' ---: |' * len(sizes)}")
    for mask in (*PATTERNS, mask_assignments, redact):
        taken = {
            name: [measure(mask, text * (size // len(text) + 1)) for size in sizes.values()]
            for name, text in REPEATS.items()
        }
        worst = max(taken, key=lambda name: taken[name][-1])
        times = " | ".join(f"{seconds * 1000:.1f} ms" for seconds in taken[worst])
        print(f"| `{mask.__name__}` | {worst} | {times} |", flush=True)
    ordinary = [measure(redact, REPEATS[ORDINARY] * (size // len(REPEATS[ORDINARY]) + 1)) for size in sizes.values()]
    print(f"| `redact` | {ORDINARY} | {' | '.join(f'{seconds * 1000:.1f} ms' for seconds in ordinary)} |")


if __name__ == "__main__":
    main()
