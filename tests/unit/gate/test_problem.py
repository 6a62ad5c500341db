"""Problems read like a compiler's."""

from pathlib import Path

from harness.gate.problem import Problem, RefusedError


def test_a_problem_has_its_place_and_its_fix() -> None:
    assert str(Problem("dags/a.py", 3, "wrong", "mend it")) == "dags/a.py:3: wrong\n    fix: mend it"
    assert str(Problem("dags/a.bin", 0, "too large")) == "dags/a.bin: too large"


def test_refusal_lists_all_and_says_the_cluster_is_unchanged() -> None:
    one = RefusedError(Path("dags"), [Problem("dags/a.py", 3, "wrong")])
    assert str(one) == "the DAG folder dags has 1 problem:\ndags/a.py:3: wrong"
    two = RefusedError(Path("dags"), [Problem("dags/a.py", 3, "wrong"), Problem("dags/b.py", 1, "wrong")])
    assert str(two).startswith("the DAG folder dags has 2 problems:\n")
    assert two.next_step.endswith("the cluster keeps the last good version")
    assert two.exit_code == 2
