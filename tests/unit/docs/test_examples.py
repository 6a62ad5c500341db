"""What the pages show of Python and TOML is what works."""

import ast
import importlib
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.pages import BLOCK, DOCS, PAGES, ROOT
from support.tutorial import read_files

PYTHON = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, (_, language, block) in enumerate(BLOCK.findall(page.read_text()))
    if language == "python"
]
TEST = re.compile(r"`(?:\.\.\.)?(test_\w+)(?:\.\.\.)?`")


@pytest.mark.parametrize("block", PYTHON)
def test_python_is_python_and_imports_public_names(block: str) -> None:
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "harness":
            assert node.module in {"harness", "harness.faults"}
            module = importlib.import_module(node.module)
            assert {alias.name for alias in node.names} <= set(module.__all__)


def test_tutorial_s_function_passes_the_tutorial_s_test(monkeypatch: pytest.MonkeyPatch) -> None:
    files = read_files()
    module = ModuleType("jobs.lateness")
    monkeypatch.setitem(sys.modules, "jobs.lateness", module)
    exec(files["dags/jobs/lateness.py"], module.__dict__)  # noqa: S102 - a page of this repository
    shown: dict[str, Any] = {}
    exec(files["tests/unit/dags/test_lateness.py"], shown)  # noqa: S102 - likewise
    shown["test_an_order_is_late_on_the_day_after_it_was_due"]()


def test_own_chart_s_settings_are_those_of_the_executed_example() -> None:
    page = (DOCS / "how-to/use-your-own-chart.md").read_text()
    (shown,) = [block for _, language, block in BLOCK.findall(page) if language == "toml" and "[tool.harness]" in block]
    example = tomllib.loads((ROOT / "tests/foreign/pyproject.toml").read_text())
    assert tomllib.loads(shown)["tool"]["harness"] == example["tool"]["harness"]


def test_tests_that_pages_name_exist() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"def (test_\w+)", text)) | {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    named = {(page.name, name) for page in PAGES for name in TEST.findall(page.read_text())}
    assert named
    missing = [(page, name) for page, name in sorted(named) if not any(one.startswith(name) for one in defined)]
    assert missing == []


def test_pages_that_name_files_of_the_tests_name_such_as_exist() -> None:
    named = {
        (page.name, name) for page in PAGES for name in re.findall(r"`(?:tests/e2e/)?(test_\w+\.py)`", page.read_text())
    }
    files = {path.name for path in Path(ROOT / "tests").rglob("test_*.py")}
    assert [(page, name) for page, name in sorted(named) if name not in files] == []


def test_page_of_the_suites_has_every_file() -> None:
    page = (DOCS / "reference/test-suites.md").read_text()
    assert [path.name for path in sorted((ROOT / "tests/e2e").glob("test_*.py")) if f"`{path.name}`" not in page] == []
