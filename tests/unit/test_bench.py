"""The measurements can start, and what is kept of the last one is of one mind."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "bench").glob("*.py"))


def load(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_{script.stem}", script)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_each_script_of_bench_can_be_imported(script: Path) -> None:
    assert callable(load(script).main)


def test_kept_table_is_that_of_the_kept_numbers() -> None:
    results = ROOT / "bench/results"
    numbers = json.loads((results / "dags_live.json").read_text())
    table = load(ROOT / "bench/dags_live.py").table(numbers["harness_s"], numbers["baseline_s"])
    assert (results / "dags_live.md").read_text() == table
    assert table in (ROOT / "docs/reference/measurements.md").read_text()
