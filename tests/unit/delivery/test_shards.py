"""Shards: the same tree comes out, a change stays in its shard, and each fits a ConfigMap."""

import random
from pathlib import Path

import pytest

from harness.delivery.pack import Package
from harness.delivery.shards import Piece, Shard, cut

from .reader import dag_versions

LIMIT_BYTES = 1024 * 1024


def package(files: dict[str, bytes]) -> Package:
    return Package(dict(sorted(files.items())))


def unpacked(shards: list[Shard], folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    dag_versions.unpack((shard.pack() for shard in shards), folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def large() -> dict[str, bytes]:
    """Twelve MiB in two thousand files, as text is: it repeats itself."""
    rng = random.Random(1)  # noqa: S311 - no secret
    words = [f"word_{number} = {number}\n".encode() for number in range(500)]
    return {
        f"pack_{number % 40}/sub_{number % 7}/mod_{number}.py": b"".join(rng.choices(words, k=350))
        for number in range(2000)
    }


def test_readers_get_the_tree_that_was_packed(tmp_path: Path) -> None:
    noise = random.Random(2).randbytes(3 * LIMIT_BYTES)  # noqa: S311
    files = {
        "a.py": b"x = 1\n",
        "etl/sql/q.sql": b"select 1",
        "etl/__init__.py": b"",
        "data.bin": noise,
        "ü/漢.txt": b"!",
    }
    assert unpacked(cut(package(files)), tmp_path / "tree") == files


def test_what_does_not_compress_fits_a_config_map() -> None:
    rng = random.Random(3)  # noqa: S311
    files = {f"{number}.bin": rng.randbytes(rng.randrange(LIMIT_BYTES)) for number in range(12)}
    assert max(len(shard.pack()) for shard in cut(package(files))) < LIMIT_BYTES


def test_changed_file_changes_one_shard_added_one_two_at_most(large: dict[str, bytes]) -> None:
    before = {shard.digest for shard in cut(package(large))}
    assert 20 < len(before) < 45
    path = sorted(large)[1000]
    changed = {shard.digest for shard in cut(package({**large, path: large[path] + b"# changed\n"}))}
    assert len(changed - before) == 1
    added = {shard.digest for shard in cut(package({**large, f"{path}_new.py": b"x = 1\n"}))}
    assert len(added - before) <= 2


def test_the_same_files_make_the_same_bytes(large: dict[str, bytes]) -> None:
    first, again = cut(package(large))[0], cut(package(dict(large)))[0]
    assert (first.digest, first.pack()) == (again.digest, again.pack())


@pytest.mark.parametrize("path", ["../out.py", "/etc/passwd", "a/../../out.py"])
def test_a_path_out_of_the_folder_is_refused_by_the_reader(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="is not a file below the DAG folder"):
        dag_versions.unpack([Shard((Piece(path, b"x"),)).pack()], tmp_path)
