"""Every try of every task is one pod of its own."""

import pytest

from harness import Runs

pytestmark = pytest.mark.timeout(240, func_only=True)


def test_chain_of_three_tasks_is_three_pods(runs: Runs) -> None:
    run = runs.run("e2e_chain", timeout_s=120)
    run.check({"first": 1, "second": 1, "third": 1})
    assert len({pod.uid for pod in run.pods}) == 3


def test_twenty_mapped_tasks_are_twenty_pods(runs: Runs) -> None:
    run = runs.run("e2e_mapped_20", timeout_s=180)
    run.check({f"work[{index}]": 1 for index in range(20)})
    assert len({pod.uid for pod in run.pods}) == 20
