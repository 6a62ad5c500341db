"""The file that a backup is: a tar archive with a manifest, the database's dump and the Fernet key.

The key is in it because the database without it holds connections and variables that nobody can read.
"""

import hashlib
import io
import json
import os
import shutil
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from harness.errors import UsageError
from harness.redact import remember_secrets

FORMAT = "harness-backup/1"
MANIFEST, KEY, DUMP = "manifest.json", "fernet-key", "database.dump"
MODE = 0o600
NEXT_STEP = "name a file that `harness backup` has written"


@dataclass(frozen=True)
class Manifest:
    """What a backup is of: `airflow` is the version, `revision` that of Airflow's tables (alembic)."""

    environment: str
    created: str
    airflow: str
    revision: str
    dag_runs: int


@dataclass(frozen=True)
class Archive:
    """A backup's content; `dump` is a file of pg_dump's custom format."""

    manifest: Manifest
    fernet_key: bytes
    dump: Path


def check_free(path: Path) -> None:
    """Raise UsageError when there is something of that name."""
    if path.exists():
        raise UsageError(f"{path} is there already", next_step="name another file, or none: then it gets a name")


def write_archive(path: Path, archive: Archive) -> None:
    """Write the file, of mode 0600, whole or not at all; the dump's folder must be on the same file system."""
    given = {"format": FORMAT, "sha256": _sha256(archive.dump), **asdict(archive.manifest)}
    part = archive.dump.with_name("archive")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as tar, archive.dump.open("rb") as dump:
            _add(tar, MANIFEST, io.BytesIO(json.dumps(given, indent=2).encode()))
            _add(tar, KEY, io.BytesIO(archive.fernet_key))
            _add(tar, DUMP, dump)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.mode = MODE
    member.size = content.seek(0, os.SEEK_END)
    content.seek(0)
    tar.addfile(member, content)


def read_archive(path: Path, folder: Path) -> Archive:
    """Return what the file holds, with the dump unpacked into `folder`; the key is masked in all output from now on.

    Raises UsageError when the file is missing, is none of ours, or is damaged.
    """
    if not path.is_file():
        raise UsageError(f"{path} is not there", next_step=NEXT_STEP)
    try:
        return _read(path, folder / DUMP)
    except (tarfile.TarError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is no whole backup of the harness: {error}", next_step=NEXT_STEP) from None


def _read(path: Path, dump: Path) -> Archive:
    with tarfile.open(path, "r:") as tar, dump.open("wb") as file:
        given = json.loads(_member(tar, MANIFEST).read())
        if given.pop("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        sha256, manifest = given.pop("sha256"), Manifest(**given)
        key = _member(tar, KEY).read()
        remember_secrets([key.decode()])
        shutil.copyfileobj(_member(tar, DUMP), file)
    if _sha256(dump) != sha256:
        raise ValueError("its dump is damaged")
    return Archive(manifest, key, dump)


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    member = tar.extractfile(name)
    if member is None:
        raise ValueError(f"{name} is not a file")
    return member


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
