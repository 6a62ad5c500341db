"""What the gate's server does without Airflow: it compiles what nobody imports, each content once."""

from pathlib import Path

from harness.gate.container.server import compile_all, new_result

TREE = Path("/check/dags")


def compile_files(known: set[str], **files: str) -> tuple[list[str], set[str]]:
    """Return the files that fail, each with the last line of its error, and the digests of the others."""
    sources = {str(TREE / f"{name}.py"): text.encode() for name, text in files.items()}
    failed, good = compile_all(sources, TREE, known)
    assert all(result == new_result(result["file"]) | {"error": result["error"], "ended": "whole"} for result in failed)
    return [f"{result['file']}: {result['error'].strip().splitlines()[-1]}" for result in failed], good


def test_files_that_do_not_compile_are_told_each() -> None:
    told, good = compile_files(set(), a="x = 1\n", b="def f(:\n", c="x = '\0'", d=f"x = {'-' * 200_000}1\n")
    assert [line.split(":")[0] for line in told] == ["b.py", "c.py", "d.py"]
    assert told[0] == "b.py: SyntaxError: invalid syntax"
    assert len(good) == 1


def test_error_names_the_file_where_it_is() -> None:
    failed, _ = compile_all({f"{TREE}/lib/b.py": b"x = 1\ndef f(:\n"}, TREE, set())
    assert 'File "/check/dags/lib/b.py", line 2' in failed[0]["error"]


def test_content_that_compiled_before_is_not_compiled_again() -> None:
    _, good = compile_files(set(), a="x = 1\n")
    assert compile_files(good, b="x = 1\n") == ([], set())
    assert compile_files(good, b="x = 2\n")[1] != set()
