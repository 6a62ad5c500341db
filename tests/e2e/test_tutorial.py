"""The tutorial's DAG goes live, and passes the end-to-end test that the tutorial shows."""

from pathlib import Path
from typing import Any

import pytest

from harness import Runs
from support.tutorial import read_files

from .conftest import DeliveredDags

pytestmark = pytest.mark.timeout(240, func_only=True)


def test_tutorial_s_dag_passes_the_tutorial_s_test(delivered_dags: DeliveredDags, e2e_folder: Path, runs: Runs) -> None:
    files = read_files()
    for name, text in files.items():
        if name.startswith("dags/"):
            file = e2e_folder / name.removeprefix("dags/")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
    assert delivered_dags.sync(e2e_folder, force=False).change.added
    shown: dict[str, Any] = {}
    exec(files["tests/e2e/test_late_orders.py"], shown)  # noqa: S102 - a page of this repository
    shown["test_late_orders_is_two_pods"](runs)
