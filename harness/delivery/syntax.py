"""Compiles a DAG folder's Python before there is an image, and so a gate."""

from pathlib import Path

from harness.delivery.pack import IGNORE_FILE, Package, add_ignore_rule, refuse
from harness.gate.problem import Problem


def check_syntax(folder: Path, package: Package) -> None:
    """Compile what is Python with the Python that runs this; raises RefusedError.

    It is for when there is no image yet, and so no gate, which compiles with the cluster's own Python. What an
    `.airflowignore` may leave out is the gate's to judge.
    """
    problems = []
    ignoring = tuple(
        path.removesuffix(IGNORE_FILE)
        for path, content in package.files.items()
        if path.rpartition("/")[2] == IGNORE_FILE and content != add_ignore_rule(b"")
    )
    for path, content in package.files.items():
        if not path.endswith(".py") or path.startswith(ignoring):
            continue
        try:
            compile(content, path, "exec", dont_inherit=True)
        except SyntaxError as error:
            problems.append(Problem(path, error.lineno or 1, f"{type(error).__name__}: {error.msg}"))
        except (ValueError, RecursionError, MemoryError) as error:
            problems.append(Problem(path, 1, f"{type(error).__name__}: {error}"))
    if problems:
        raise refuse(folder, problems)
