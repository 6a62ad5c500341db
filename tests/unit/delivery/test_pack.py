"""Packing: what goes in, and that everything wrong is said at once."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Never

import pytest

from harness.delivery import pack as pack_module
from harness.delivery.pack import FLAT_LIMIT_BYTES, LIMIT_BYTES, Package, pack, read
from harness.delivery.target import difference
from harness.errors import UsageError
from harness.gate.problem import Problem, RefusedError


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


def test_tree_is_taken_with_its_data_and_without_hidden_files(folder: Path) -> None:
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
    (folder / "new\nline.sql").touch()
    (folder / "dangling.txt").symlink_to(folder / "nowhere")
    assert problems(folder) == [
        "'new\\nline.sql': a control character in the name\n    fix: rename it",
        "dangling.txt: No such file or directory\n    fix: make it readable, or take it out of the folder",
        "etl/up: a link to a folder that holds it\n    fix: remove the link",
        f"link.py: a link that leads out of the folder, to {outside}\n    fix: put a copy in its place",
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


@pytest.mark.parametrize(
    "name",
    [
        "Screenshot 2026-01-02 at 9.52.38\u202fAM.png",
        "soft\u00adhyphen.txt",
        "[draft] plan.sql",
        "zero\u200bwidth.txt",
        "line\u2028separator.txt",
        "private\ue000use.txt",
        "größe.txt",
    ],
)
def test_name_that_some_editor_made_arrives(folder: Path, name: str) -> None:
    (folder / name).write_text("x")
    assert pack(folder).files[name] == b"x"


@pytest.mark.parametrize("name", ["bell\a.txt", "tab\t.txt", "escape\x1b[31m.txt", "c1\x9b.txt"])
def test_control_character_in_a_name_is_told(folder: Path, name: str) -> None:
    (folder / name).touch()
    assert problems(folder) == [f"{name!r}: a control character in the name\n    fix: rename it"]


def test_name_that_is_not_utf_8_is_told_as_such(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.txt")).touch()
    (folder / os.fsdecode(b"r\xe9ports")).mkdir()
    assert problems(folder) == [
        "caf\\xe9.txt: its name is not UTF-8\n    fix: rename it",
        "r\\xe9ports: its name is not UTF-8\n    fix: rename it",
    ]


def test_path_that_would_not_arrive_is_told(folder: Path) -> None:
    deep = folder.joinpath(*["d" * 200] * 5)
    deep.mkdir(parents=True)
    (found,) = problems(folder)
    assert found.endswith("...: its path has 1004 bytes, at most 1000 arrive\n    fix: give it a shorter one")


def test_pipe_socket_and_device_are_told_and_not_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(folder / "pipe.py")
    monkeypatch.chdir(folder)  # a socket's path may not be long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        found = problems(folder)
    assert found == [
        "pipe.py: a named pipe, which cannot be delivered\n    fix: take it out of the folder",
        "socket: a socket, which cannot be delivered\n    fix: take it out of the folder",
    ]


def test_links_that_lead_nowhere_are_told(folder: Path) -> None:
    (folder / "me").symlink_to("me")
    (folder / "ping").symlink_to("pong")
    (folder / "pong").symlink_to("ping")
    (folder / "null").symlink_to(os.devnull)
    loop = "a link that leads to itself\n    fix: remove the link"
    assert problems(folder) == [
        f"me: {loop}",
        f"null: a link that leads out of the folder, to {os.devnull}\n    fix: put a copy in its place",
        f"ping: {loop}",
        f"pong: {loop}",
    ]


def test_link_to_a_file_of_the_folder_is_that_file(folder: Path) -> None:
    (folder / "etl").mkdir()
    (folder / "etl" / "link.py").symlink_to("../a.py")
    (folder / "also").symlink_to("etl")
    assert pack(folder).files == dict.fromkeys(("a.py", "also/link.py", "etl/link.py"), b"x = 1\n")


@pytest.mark.parametrize("act", [pack, read], ids=["pack", "read"])
def test_huge_file_is_refused_before_it_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], Package]
) -> None:
    with (folder / "huge.bin").open("wb") as file:
        file.truncate(10**13)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"read {path}"))
    with pytest.raises(RefusedError, match=r"huge\.bin: the folder has 10000000000006 bytes, at most 20971520 can be"):
        act(folder)


def test_too_many_files_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_module, "LIMIT_FILES", 2)
    for name in "bc":
        (folder / f"{name}.py").touch()
    assert problems(folder)[0].startswith(": the folder has 3 files, at most 2 can be delivered\n")


def test_what_cannot_be_read_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "etl").mkdir()

    def refuse(path: Path) -> Never:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: refuse(path) if path.name == "etl" else listed(path))
    told = "Permission denied\n    fix: make it readable, or take it out of the folder"
    assert problems(folder) == [f"a.py: {told}", f"etl/: {told}"]


def test_tree_of_any_depth_is_walked(folder: Path) -> None:
    deep = folder.joinpath(*"d" * 480)
    deep.mkdir(parents=True)
    (deep / "a.txt").write_text("x")
    assert pack(folder).files[f"{'d/' * 480}a.txt"] == b"x"


def test_executables_and_empty_folders_are_part_of_the_version(folder: Path) -> None:
    (folder / "etl.sh").write_text("#!/bin/sh\n")
    plain = pack(folder)
    (folder / "etl.sh").chmod(0o755)
    executable = pack(folder)
    for name in ("inbox", "kept", "stale"):
        (folder / name).mkdir()
    (folder / "kept" / ".gitkeep").touch()
    (folder / "stale" / "__pycache__").mkdir()
    with_folders = pack(folder)
    assert plain.executables == frozenset()
    assert executable.executables == frozenset({"etl.sh"})
    assert with_folders.folders == ("inbox", "kept")
    assert len({plain.version, executable.version, with_folders.version}) == 3
    changed = difference(plain.digests, with_folders.digests)
    assert (changed.added, changed.changed) == (("inbox/", "kept/"), ("etl.sh",))


def test_files_without_modes_keep_their_version() -> None:
    assert Package({"a.py": b"x = 1\n"}).version == "22f51255f9aedeb9", "running clusters have it"


def test_flat_mount_has_neither_modes_nor_folders(folder: Path) -> None:
    (folder / "a.py").chmod(0o755)
    (folder / "inbox").mkdir()
    package = pack(folder, is_flat=True)
    assert (package.executables, package.folders) == (frozenset(), ())


def test_folder_with_only_a_zip_file_is_left_to_the_gate(tmp_path: Path) -> None:
    (tmp_path / "packed.zip").write_bytes(b"PK")
    assert list(pack(tmp_path).files) == ["packed.zip"]


def test_what_is_left_out_is_known(folder: Path) -> None:
    (folder / "etl").mkdir()
    (folder / "etl" / ".env").touch()
    (folder / ".git").mkdir()
    assert pack(folder).left_out == (".git", "etl/.env")


@pytest.mark.parametrize("make", [lambda _: None, lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_missing_or_empty_folder_is_refused(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "dags")
    with pytest.raises(UsageError, match=r"not there|no DAG"):
        pack(tmp_path / "dags")
