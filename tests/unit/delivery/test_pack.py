"""Packing: what goes in, and that everything wrong is said at once."""

from pathlib import Path

import pytest

from harness.delivery.pack import LIMIT_BYTES, pack
from harness.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("x = 1\n")
    return tmp_path


def test_takes_python_and_data_and_adds_the_ignore_rule(folder: Path) -> None:
    (folder / "query.sql").write_text("select 1")
    (folder / "__pycache__").mkdir()
    (folder / ".hidden").write_text("no")
    assert pack(folder).files == {".airflowignore": "..*\n", "a.py": "x = 1\n", "query.sql": "select 1"}


def test_keeps_own_ignore_rules(folder: Path) -> None:
    (folder / ".airflowignore").write_text("helper_*")
    assert pack(folder).files[".airflowignore"] == "helper_*\n..*\n"
    (folder / ".airflowignore").write_text("..*\n")
    assert pack(folder).files[".airflowignore"] == "..*\n"


def test_digest_tells_contents_and_names_apart(folder: Path) -> None:
    first = pack(folder)
    assert first.digest == pack(folder).digest
    (folder / "a.py").rename(folder / "b.py")
    renamed = pack(folder)
    (folder / "b.py").write_text("x = 2\n")
    assert len({first.digest, renamed.digest, pack(folder).digest}) == 3


def test_exactly_the_limit_is_allowed_and_one_byte_more_is_not(folder: Path) -> None:
    room = LIMIT_BYTES - pack(folder).size_bytes
    (folder / "big.txt").write_text("x" * room)
    assert pack(folder).size_bytes == LIMIT_BYTES
    (folder / "big.txt").write_text("x" * (room + 1))
    with pytest.raises(UsageError, match=rf"{LIMIT_BYTES + 1} bytes.*at most {LIMIT_BYTES}.*big.txt {room + 1} bytes"):
        pack(folder)


def test_all_problems_are_told_in_one_error(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_text("x")
    (folder / "link.py").symlink_to(outside)
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").touch()
    (folder / "with space.py").touch()
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    (folder / "broken.py").write_text("x = 1\ndef f(:\n")
    (folder / "nul.py").write_bytes(b"x = '\0'")
    (folder / "dangling.txt").symlink_to(folder / "nowhere")
    with pytest.raises(UsageError) as caught:
        pack(folder)
    message = str(caught.value)
    for part in (
        "link.py: a link that leads out of the folder",
        "package/: a ConfigMap cannot hold a sub-folder",
        "'with space.py': a ConfigMap key",
        "latin.txt: not UTF-8 at byte 3",
        "broken.py:2:",
        "nul.py:1:",
        "dangling.txt: No such file",
    ):
        assert part in message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("make", [lambda _: None, lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_missing_or_empty_folder_is_refused(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "dags")
    with pytest.raises(UsageError, match=r"not there|no DAG"):
        pack(tmp_path / "dags")


def test_empty_sub_folder_is_no_problem(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert "a.py" in pack(folder).files
