"""A test's name says input and outcome, and fits a line of a report."""

import ast
from pathlib import Path

LONGEST = 60


def test_names_of_tests_are_short() -> None:
    tests = Path(__file__).parents[1]
    names = [
        (len(node.name), str(path.relative_to(tests)), node.name)
        for path in sorted(tests.rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert len(names) > 1000
    assert [name for name in names if name[0] > LONGEST] == []
