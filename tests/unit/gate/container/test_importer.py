"""What the import of one file needs no Airflow for; the rest is shown by tests/e2e/test_gate.py."""

import pytest

from harness.gate.container.importer import find_cycle


@pytest.mark.parametrize(
    ("downstream", "cycle"),
    [
        ({}, []),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ["b", "c"]),
        ({"a": ["a"]}, ["a"]),
        ({"a": [], "b": ["c"], "c": ["d"], "d": ["b", "a"]}, ["b", "c", "d"]),
    ],
)
def test_cycle_is_found_in_order(downstream: dict[str, list[str]], cycle: list[str]) -> None:
    assert find_cycle(downstream) == cycle
