"""Cuts a package into shards, each small enough for a ConfigMap and named by its content; pure.

A shard ends where the hash of a path says so, not where a size is reached: so a changed file changes its own shard and
leaves the borders of all others where they were. `dag_versions.py` in the chart is the reader.
"""

import gzip
import hashlib
import io
import stat
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from harness.delivery.pack import DIGITS, Package

# Before compression, so that a shard of data that does not compress fits the 1 MiB of a ConfigMap as well.
MOST_BYTES = 768 * 1024
PIECE_BYTES = 512 * 1024
LEAST_BYTES = 384 * 1024
BORDER_EVERY = 8


@dataclass(frozen=True)
class Piece:
    """A file's content or a part of it; a path that ends in a slash is a folder that holds nothing."""

    path: str
    content: bytes
    is_executable: bool = False


@dataclass(frozen=True)
class Shard:
    """Pieces of files in order: a file larger than a piece has several, one after the other."""

    pieces: tuple[Piece, ...]

    @cached_property
    def digest(self) -> str:
        """Return a hash of the paths, modes and contents; it does not depend on how they are compressed."""
        total = hashlib.sha256()
        for piece in self.pieces:
            mode = "x" if piece.is_executable else ""
            total.update(f"{piece.path}\0{len(piece.content)}{mode}\0".encode())
            total.update(piece.content)
        return total.hexdigest()[:DIGITS]

    def pack(self) -> bytes:
        """Return the shard as a gzipped tar archive."""
        out = io.BytesIO()
        with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
            for piece in self.pieces:
                info = tarfile.TarInfo(piece.path.removesuffix("/"))
                info.type = tarfile.DIRTYPE if piece.path.endswith("/") else tarfile.REGTYPE
                info.mode = 0o755 if piece.is_executable else 0o644
                info.size = len(piece.content)
                tar.addfile(info, io.BytesIO(piece.content))
        return out.getvalue()


def cut(package: Package) -> list[Shard]:
    """Return the package's shards in the order in which they are unpacked."""
    return list(_cut(package))


def unpack(archive: bytes) -> Iterator[Piece]:
    """Return the pieces of a packed shard."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None:
                yield Piece(f"{member.name}/", b"")
            else:
                yield Piece(member.name, content.read(), is_executable=bool(member.mode & stat.S_IXUSR))


def _cut(package: Package) -> Iterator[Shard]:
    pieces: list[Piece] = []
    size = 0
    folders = {f"{path}/": b"" for path in package.folders}
    for path, content in sorted({**package.files, **folders}.items()):
        for start in range(0, max(len(content), 1), PIECE_BYTES):
            piece = content[start : start + PIECE_BYTES]
            if pieces and size + len(piece) > MOST_BYTES:
                yield Shard(tuple(pieces))
                pieces, size = [], 0
            pieces.append(Piece(path, piece, path in package.executables))
            size += len(piece)
        if size >= LEAST_BYTES and zlib.crc32(path.encode()) % BORDER_EVERY == 0:
            yield Shard(tuple(pieces))
            pieces, size = [], 0
    if pieces:
        yield Shard(tuple(pieces))
