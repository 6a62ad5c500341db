"""Packing: what goes in, and that everything wrong is said at once."""

from pathlib import Path

import pytest

from harness.delivery.pack import FLAT_LIMIT_BYTES, LIMIT_BYTES, pack, read
from harness.delivery.problem import Problem, RefusedError
from harness.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("x = 1\n")
    return tmp_path


def problems(folder: Path, *, is_flat: bool = False) -> list[str]:
    with pytest.raises(RefusedError) as caught:
        pack(folder, is_flat=is_flat)
    assert caught.value.exit_code == 2
    shown = [str(problem) for problem in caught.value.problems]
    assert all(line.startswith(f"{folder.name}/") for line in shown)
    return [line.removeprefix(f"{folder.name}/") for line in shown]


def test_takes_the_tree_with_its_data_and_leaves_out_what_is_hidden(folder: Path) -> None:
    package = folder / "etl" / "sql"
    package.mkdir(parents=True)
    (folder / "etl" / "__init__.py").touch()
    (package / "query.sql").write_text("select 1")
    (folder / "logo.png").write_bytes(b"\x89\xff")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_bytes(b"\0")
    (folder / ".git").mkdir()
    (folder / ".hidden").write_text("no")
    (folder / ".airflowignore").write_text("helper_*")
    assert pack(folder).files == {
        ".airflowignore": b"helper_*",
        "a.py": b"x = 1\n",
        "etl/__init__.py": b"",
        "etl/sql/query.sql": b"select 1",
        "logo.png": b"\x89\xff",
    }


def test_a_flat_mount_gets_the_ignore_rule_that_it_needs(folder: Path) -> None:
    assert pack(folder, is_flat=True).files == {".airflowignore": b"..*\n", "a.py": b"x = 1\n"}
    (folder / ".airflowignore").write_text("helper_*")
    assert pack(folder, is_flat=True).files[".airflowignore"] == b"helper_*\n..*\n"
    (folder / ".airflowignore").write_text("..*\n")
    assert pack(folder, is_flat=True).files[".airflowignore"] == b"..*\n"


def test_version_tells_contents_and_names_apart(folder: Path) -> None:
    first = pack(folder)
    assert first.version == pack(folder).version
    (folder / "a.py").rename(folder / "b.py")
    renamed = pack(folder)
    (folder / "b.py").write_text("x = 2\n")
    assert len({first.version, renamed.version, pack(folder).version}) == 3


def test_exactly_the_limit_is_allowed_and_one_byte_more_is_not(folder: Path) -> None:
    room = LIMIT_BYTES - pack(folder).size_bytes
    with (folder / "big.bin").open("wb") as file:
        file.truncate(room)
    assert pack(folder).size_bytes == LIMIT_BYTES
    with (folder / "big.bin").open("ab") as file:
        file.write(b"x")
    assert problems(folder) == [
        str(
            Problem(
                "big.bin",
                0,
                f"the folder has {LIMIT_BYTES + 1} bytes, at most {LIMIT_BYTES} can be delivered; "
                f"the largest: big.bin {room + 1}, a.py 6",
                "take data out of the folder, or use Airflow's GitDagBundle",
            )
        )
    ]


def test_a_flat_mount_holds_one_mebibyte(folder: Path) -> None:
    room = FLAT_LIMIT_BYTES - pack(folder, is_flat=True).size_bytes
    (folder / "big.txt").write_text("x" * room)
    assert pack(folder, is_flat=True).size_bytes == FLAT_LIMIT_BYTES
    (folder / "big.txt").write_text("x" * (room + 1))
    (found,) = problems(folder, is_flat=True)
    assert f"{FLAT_LIMIT_BYTES + 1} bytes, at most {FLAT_LIMIT_BYTES}" in found
    assert found.endswith("or use more room: set `versioned: true` for its bundle in the chart's values")


def test_all_problems_are_told_in_one_error(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_text("x")
    (folder / "link.py").symlink_to(outside)
    (folder / "etl").mkdir()
    (folder / "etl" / "up").symlink_to(folder)
    (folder / "etl" / "broken.py").write_text("x = 1\ndef f(:\n")
    (folder / "latin.py").write_bytes(b"x = 1\n# caf\xe9\n")
    (folder / "new\nline.sql").touch()
    (folder / "nul.py").write_bytes(b"x = '\0'")
    (folder / "dangling.txt").symlink_to(folder / "nowhere")
    assert problems(folder) == [
        "'new\\nline.sql': a control character in the name\n    fix: rename it",
        "dangling.txt: No such file or directory\n    fix: make it readable, or take it out of the folder",
        "etl/broken.py:2: SyntaxError: invalid syntax",
        "etl/up: a link to a folder that holds it\n    fix: remove the link",
        "latin.py:2: not UTF-8\n    fix: save the file as UTF-8",
        f"link.py: a link that leads out of the folder, to {outside}\n    fix: put a copy in its place",
        "nul.py:1: SyntaxError: source code string cannot contain null bytes",
    ]


def test_what_a_flat_mount_cannot_hold_is_named(folder: Path) -> None:
    (folder / "etl").mkdir()
    (folder / "etl" / "__init__.py").touch()
    (folder / "with space.py").touch()
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    versioned = "set `versioned: true` for its bundle in the chart's values"
    key = "a ConfigMap key has only letters, digits, '-', '_' and '.', at most 253"
    assert problems(folder, is_flat=True) == [
        f"etl/__init__.py: a ConfigMap cannot hold a sub-folder\n    fix: move the file up, or {versioned}",
        f"latin.txt: not UTF-8\n    fix: save the file as UTF-8, or {versioned}",
        f"with space.py: {key}\n    fix: rename the file, or {versioned}",
    ]


def test_files_that_are_known_or_not_to_be_checked_are_not_compiled(folder: Path) -> None:
    (folder / "broken.py").write_text("def f(:\n")
    digest = read(folder).digests["broken.py"]
    assert "broken.py" in pack(folder, known={digest}).files
    assert "broken.py" in pack(folder, has_syntax_check=False).files


@pytest.mark.parametrize("make", [lambda _: None, lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_missing_or_empty_folder_is_refused(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "dags")
    with pytest.raises(UsageError, match=r"not there|no DAG"):
        pack(tmp_path / "dags")
