"""Cuts a package into shards, each small enough for a ConfigMap and named by its content; pure.

A shard ends where the hash of a path says so, not where a size is reached: so a changed file changes its own shard and
leaves the borders of all others where they were. `dag_versions.py` in the chart is the reader.
"""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from harness.delivery.pack import DIGITS, Package

# Before compression, so that a shard of data that does not compress fits the 1 MiB of a ConfigMap as well.
MOST_BYTES = 768 * 1024
PIECE_BYTES = 512 * 1024
LEAST_BYTES = 384 * 1024
BORDER_EVERY = 8


@dataclass(frozen=True)
class Shard:
    """Pieces of files in order: a file larger than a piece has several, one after the other."""

    pieces: tuple[tuple[str, bytes], ...]

    @cached_property
    def digest(self) -> str:
        """Return a hash of the paths and contents; it does not depend on how they are compressed."""
        total = hashlib.sha256()
        for path, piece in self.pieces:
            total.update(f"{path}\0{len(piece)}\0".encode())
            total.update(piece)
        return total.hexdigest()[:DIGITS]

    def pack(self) -> bytes:
        """Return the shard as a gzipped tar archive."""
        out = io.BytesIO()
        with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
            for path, piece in self.pieces:
                info = tarfile.TarInfo(path)
                info.size = len(piece)
                tar.addfile(info, io.BytesIO(piece))
        return out.getvalue()


def cut(package: Package) -> list[Shard]:
    """Return the package's shards in the order in which they are unpacked."""
    return list(_cut(package.files))


def _cut(files: Mapping[str, bytes]) -> Iterator[Shard]:
    pieces: list[tuple[str, bytes]] = []
    size = 0
    for path, content in files.items():
        for start in range(0, max(len(content), 1), PIECE_BYTES):
            piece = content[start : start + PIECE_BYTES]
            if pieces and size + len(piece) > MOST_BYTES:
                yield Shard(tuple(pieces))
                pieces, size = [], 0
            pieces.append((path, piece))
            size += len(piece)
        if size >= LEAST_BYTES and zlib.crc32(path.encode()) % BORDER_EVERY == 0:
            yield Shard(tuple(pieces))
            pieces, size = [], 0
    if pieces:
        yield Shard(tuple(pieces))
