"""Python that does not compile is told before there is an image, and what may be ignored is left to the gate."""

from pathlib import Path

import pytest

from harness.delivery.pack import pack
from harness.delivery.syntax import check_syntax
from harness.gate.problem import RefusedError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("x = 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (b"\xef\xbb\xbfx = 1\n", ""),
        (b"# -*- coding: latin-1 -*-\nname = 'caf\xe9'\n", ""),
        (b"x = 1\r\ny = 2\r\n", ""),
        (b"x = 1\ndef f(:\n", "b.py:2: SyntaxError: invalid syntax"),
        (b"x = 1\n  y = 2\n", "b.py:2: IndentationError: unexpected indent"),
        (b"x = '\0'", "b.py:1: SyntaxError: source code string cannot contain null bytes"),
        (b"x = 'caf\xe9'\n", "b.py:1: SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xe9"),
        (b"# coding: of-no-kind\n", "b.py:1: SyntaxError: unknown encoding: of-no-kind"),
        (f"x = {'-' * 100_000}1\n".encode(), "b.py:1: "),
        (f"x = {'(' * 300}{')' * 300}\n".encode(), "b.py:1: SyntaxError: too many nested parentheses"),
        (f"x = {'1 + ' * 50_000}1\n".encode(), "b.py:1: RecursionError: maximum recursion depth exceeded"),
    ],
    ids=[
        "BOM",
        "declared",
        "Windows",
        "syntax",
        "indentation",
        "nul",
        "Latin",
        "unknown",
        "minus",
        "parentheses",
        "sum",
    ],
)
def test_source_that_python_does_not_compile_is_told(folder: Path, source: bytes, problem: str) -> None:
    (folder / "b.py").write_bytes(source)
    package = pack(folder)
    assert package.files["b.py"] == source
    if not problem:
        check_syntax(folder, package)
        return
    with pytest.raises(RefusedError) as caught:
        check_syntax(folder, package)
    (found,) = caught.value.problems
    assert str(found).startswith(f"{folder.name}/{problem}")


@pytest.mark.parametrize(
    ("ignore_file", "is_flat", "refused"),
    [("old/.airflowignore", False, ["b.py"]), (".airflowignore", False, []), ("", True, ["b.py"])],
)
def test_syntax_of_what_may_be_ignored_is_left_to_the_gate(
    folder: Path, ignore_file: str, *, is_flat: bool, refused: list[str]
) -> None:
    (folder / "b.py").write_text("print 'b'\n")
    if ignore_file:
        (folder / ignore_file).parent.mkdir(exist_ok=True)
        (folder / "old").mkdir(exist_ok=True)
        (folder / "old/a.py").write_text("print 'a'\n")
        (folder / ignore_file).write_text("*.py\n")
    package = pack(folder, is_flat=is_flat)
    if not refused:
        check_syntax(folder, package)
        return
    with pytest.raises(RefusedError) as caught:
        check_syntax(folder, package)
    assert [problem.file for problem in caught.value.problems] == [f"{folder.name}/{file}" for file in refused]
