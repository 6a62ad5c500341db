"""The DAG `hello` on a real cluster."""

import pytest

from harness import Runs

pytestmark = pytest.mark.timeout(240, func_only=True)


def test_hello_is_three_pods(runs: Runs) -> None:
    run = runs.run("hello", timeout_s=120)
    run.check({"greet": 1, "pass_on": 1, "receive": 1})
    assert len({pod.uid for pod in run.pods}) == 3
