"""How numbers of one kind are spread."""

from collections.abc import Sequence
from math import ceil
from typing import Any


def compute_spread(values: Sequence[float]) -> dict[str, Any] | None:
    """Return count, median, 95th percentile (nearest rank) and maximum, or None for nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return {
        "count": len(ordered),
        "p50": round(_rank(ordered, 0.5), 3),
        "p95": round(_rank(ordered, 0.95), 3),
        "max": round(ordered[-1], 3),
    }


def _rank(ordered: Sequence[float], share: float) -> float:
    return ordered[ceil(share * len(ordered)) - 1]
