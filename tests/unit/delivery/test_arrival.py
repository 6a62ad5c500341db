"""Whatever a folder holds arrives as it was: from the disk over pack and shards to the disk of a pod."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.delivery import shards
from harness.delivery.pack import Package, read
from harness.delivery.shards import cut, unpack

from .reader import dag_versions

# A name that pack takes: no control character, no surrogate, not hidden; NAME_MAX is in bytes.
NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/"), min_size=1, max_size=60).filter(
    lambda name: not name.startswith(".") and name != "__pycache__"
)


@dataclass(frozen=True)
class File:
    """A file of a tree."""

    content: bytes
    is_executable: bool


Tree = dict[str, Any]  # name -> a file or a tree
FILES = st.builds(File, st.binary(max_size=300), st.booleans())
TREES = st.recursive(
    st.dictionaries(NAMES, FILES, max_size=4),
    lambda trees: st.dictionaries(NAMES, FILES | trees, max_size=4),
    max_leaves=12,
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut files into pieces, and trees into shards, of a size that examples reach."""
    for name, size in {"MOST_BYTES": 200, "PIECE_BYTES": 100, "LEAST_BYTES": 80}.items():
        monkeypatch.setattr(shards, name, size)


@given(TREES)
def test_tree_arrives_as_it_was(tree: Tree) -> None:
    with TemporaryDirectory() as made:
        folder, arrived = Path(made, "dags"), Path(made, "arrived")
        folder.mkdir()
        arrived.mkdir()
        write(tree, folder)
        package = read(folder)
        archives = [shard.pack() for shard in cut(package)]
        dag_versions.unpack(archives, arrived)
        assert read_tree(arrived) == read_tree(folder) == tree
        assert join(archives) == package


@given(TREES, TREES)
def test_trees_have_one_version_only_if_they_are_the_same(one: Tree, other: Tree) -> None:
    with TemporaryDirectory() as made:
        versions = []
        for number, tree in enumerate((one, other)):
            folder = Path(made, str(number))
            folder.mkdir()
            write(tree, folder)
            versions.append(read(folder).version)
    assert (versions[0] == versions[1]) == (one == other)


def write(tree: Tree, folder: Path) -> None:
    for name, node in tree.items():
        path = folder / name
        if isinstance(node, File):
            path.write_bytes(node.content)
            path.chmod(0o755 if node.is_executable else 0o644)
        else:
            path.mkdir()
            write(node, path)


def read_tree(folder: Path) -> Tree:
    return {
        path.name: read_tree(path)
        if path.is_dir()
        else File(path.read_bytes(), is_executable=bool(path.stat().st_mode & 0o100))
        for path in folder.iterdir()
    }


def join(archives: list[bytes]) -> Package:
    """Read the archives as `harness dags diff` does."""
    files: dict[str, bytes] = {}
    pieces = [piece for archive in archives for piece in unpack(archive)]
    for piece in pieces:
        if not piece.path.endswith("/"):
            files[piece.path] = files.get(piece.path, b"") + piece.content
    return Package(
        files,
        frozenset(piece.path for piece in pieces if piece.is_executable),
        tuple(piece.path[:-1] for piece in pieces if piece.path.endswith("/")),
    )
