"""Versions of a DAG folder in ConfigMaps, as pods read them: the DAG processor by the API, a worker by a mount.

    <bundle's ConfigMap>      the pointer; its key `version` names the current version
    <...>-v-<version>         immutable; `shards` lists the names of the shards, one a line
    <...>-s-<hash>            immutable; `<hash>.tar.gz` holds files, a large one in pieces over several shards

Standard library only: every worker pod imports this.
"""

from __future__ import annotations

import filecmp
import io
import os
import shutil
import stat
import tarfile
import tempfile
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOUNTS = Path("/opt/airflow/dag-versions")
VERSION_FILE = "version"
SHARDS_FILE = "shards"
TREES_KEPT = 3
NEWS_S = 0.5


def version_name(config_map: str, version: str) -> str:
    """Return the name of a version's ConfigMap."""
    return f"{config_map}-v-{version}"


def shard_name(config_map: str, digest: str) -> str:
    """Return the name of a shard's ConfigMap."""
    return f"{config_map}-s-{digest}"


def shard_key(digest: str) -> str:
    """Return the key that holds a shard's archive, and the name of the file when it is mounted."""
    return f"{digest}.tar.gz"


def unpack(archives: Iterable[bytes], folder: Path) -> None:
    """Write the files and empty folders of the archives, in their order, below `folder`, which must be empty.

    Raises ValueError for a path that leads out of it, and for what is neither file nor folder.
    """
    written: set[str] = set()
    for archive in archives:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                content = tar.extractfile(member)
                if path.is_absolute() or ".." in path.parts or (content is None and not member.isdir()):
                    raise ValueError(f"{member.name!r} is not a file below the DAG folder")
                target = folder / path
                if content is None:
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("ab" if member.name in written else "wb") as file:
                    shutil.copyfileobj(content, file)
                if member.mode & stat.S_IXUSR:
                    target.chmod(0o755)
                written.add(member.name)


def ensure_tree(folder: Path, archives: Callable[[], Iterable[bytes]]) -> Path:
    """Make `folder` hold the archives' files, whole or not at all, and return it; safe to call concurrently."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpack-") as made:
            tree = Path(made, "tree")
            tree.mkdir()
            unpack(archives(), tree)
            try:
                tree.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster
                    raise
    os.utime(folder)
    return folder


def touch_tree(folder: Path, before: Path) -> None:
    """Give all files the time of now: the DAG processor parses what changed since it last parsed it.

    It takes the newest first, so files that are not as they were in `before` get a later time. One of them may be in a
    parse that has read the old content and is not over yet: a time that is still to come has that file parsed again.
    """
    now = time.time()
    for path in folder.rglob("*"):
        if path.is_file():
            old = before / path.relative_to(folder)
            is_news = not (old.is_file() and filecmp.cmp(old, path, shallow=False))
            os.utime(path, (now, now + NEWS_S if is_news else now))


def remove_old_trees(folder: Path) -> None:
    """Remove all but the trees used last: one that is still being parsed must stay."""
    trees = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for tree in sorted(trees, key=lambda path: path.stat().st_mtime, reverse=True)[TREES_KEPT:]:
        shutil.rmtree(tree, ignore_errors=True)
