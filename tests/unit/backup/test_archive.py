"""The backup's file: whole, private, and known again; anything else is refused."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from harness.backup.archive import DUMP, KEY, MANIFEST, Archive, Manifest, check_free, read_archive, write_archive
from harness.errors import UsageError
from harness.redact import redact

HELD = Manifest("dev", "2026-11-22T12:00:00+00:00", "3.3.2", "d2f4e1b3c5a7", 12)
SECRET = b"kept-in-the-file-alone"
CONTENT = b"PGDMP\xff\x00 binary"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "beside"
    folder.mkdir()
    (folder / DUMP).write_bytes(CONTENT)
    made = tmp_path / "dev.backup"
    write_archive(made, Archive(HELD, SECRET, folder / DUMP))
    return made


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def members_of(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {name: member.read() for name in tar.getnames() if (member := tar.extractfile(name))}


def test_what_was_written_is_read_again(path: Path, tmp_path: Path) -> None:
    archive = read_archive(path, tmp_path)
    assert (archive.manifest, archive.fernet_key) == (HELD, SECRET)
    assert archive.dump.read_bytes() == CONTENT


def test_file_is_private_and_its_key_is_masked_once_it_is_read(path: Path, tmp_path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert SECRET not in members_of(path)[MANIFEST]
    read_archive(path, tmp_path)
    assert redact(f"it is {SECRET.decode()}") == "it is ***"


def test_taken_name_is_refused(path: Path) -> None:
    with pytest.raises(UsageError, match="is there already"):
        check_free(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there") as caught:
        read_archive(tmp_path / "none", tmp_path)
    assert "harness backup" in caught.value.next_step


def change_manifest(path: Path, **others: Any) -> bytes:
    return json.dumps({**json.loads(members_of(path)[MANIFEST]), **others}).encode()


def test_what_is_none_of_ours_or_damaged_is_refused(path: Path, tmp_path: Path) -> None:
    ours = members_of(path)
    other = tmp_path / "other"
    for members, why in (
        ({}, "manifest"),
        ({MANIFEST: b"{"}, "Expecting"),
        ({MANIFEST: b"[]"}, ""),
        ({MANIFEST: b"{}"}, "format"),
        ({**ours, MANIFEST: change_manifest(path, format="harness-backup/2")}, "its format is not harness-backup/1"),
        ({**ours, MANIFEST: change_manifest(path, more=1)}, "more"),
        ({**ours, DUMP: CONTENT[:-1]}, "its dump is damaged"),
        ({name: content for name, content in ours.items() if name != KEY}, KEY),
    ):
        with pytest.raises(UsageError, match=f"no whole backup of the harness: .*{why}"):
            read_archive(pack(other, members), tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a tar archive", b"\x1f\x8b"])
def test_other_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(UsageError, match="no whole backup of the harness"):
        read_archive(tmp_path / "other", tmp_path)


def test_file_that_breaks_off_is_refused(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    end_of_dump = whole.index(CONTENT) + len(CONTENT)
    (tmp_path / "part").write_bytes(whole[: end_of_dump - 3])
    with pytest.raises(UsageError, match="no whole backup of the harness"):
        read_archive(tmp_path / "part", tmp_path)
