"""Reads a DAG folder for delivery, or says everything that is wrong with it at once; pure, no cluster."""

import errno
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from harness.errors import UsageError
from harness.gate.problem import Problem, RefusedError

LIMIT_BYTES = 20 * 1024 * 1024
# The version's list of its files must fit into one ConfigMap.
LIMIT_FILES = 20_000
# Of a path below the folder: in the pods it stands below others, and Linux takes 4096.
LIMIT_PATH_BYTES = 1000
# Kubernetes counts the values' bytes, not keys or metadata (`ValidateConfigMap`, `MaxSecretSize`).
FLAT_LIMIT_BYTES = 1024 * 1024
LARGEST_SHOWN = 5
SHOWN_CHARS = 60
DIGITS = 16  # of the hexadecimal hashes: 64 bits tell all files of a team apart
KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")  # `IsConfigMapKey`

IGNORE_FILE = ".airflowignore"
# A ConfigMap's folder holds `..data` and `..<time>`, which lead to the same files; Airflow's walk over the folder takes
# that for an endless loop and the dag-processor exits.
IGNORE_RULE = "..*"
CACHE = "__pycache__"
VERSIONED = "set `versioned: true` for its bundle in the chart's values"
GIT = "Airflow's GitDagBundle"


@dataclass(frozen=True)
class Package:
    """The folder's files: content by POSIX path relative to the folder, in the order of the paths.

    `executables` are those that can be executed, `folders` the folders that hold nothing. `left_out` are the files and
    folders that are there and not delivered.
    """

    files: Mapping[str, bytes]
    executables: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()
    left_out: tuple[str, ...] = field(default=(), compare=False)

    @property
    def size_bytes(self) -> int:
        """Return the size of all contents."""
        return sum(map(len, self.files.values()))

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Return a hash of each file's content, with an `x` if it can be executed, and folders with a slash at the end.

        A version lists them all, so they are short.
        """
        found = {path: hashlib.sha256(content).hexdigest()[:DIGITS] for path, content in self.files.items()}
        found |= {path: f"{found[path]}x" for path in self.executables}
        return found | {f"{path}/": "" for path in self.folders}

    @cached_property
    def version(self) -> str:
        """Return a hash of all paths, modes and contents, short enough for a name."""
        total = hashlib.sha256()
        for path, digest in self.digests.items():
            total.update(f"{path}\0{digest}\n".encode())
        return total.hexdigest()[:DIGITS]


@dataclass
class _Found:
    """What a folder holds, before anything of it is read."""

    files: dict[str, os.stat_result] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def sizes(self) -> dict[str, int]:
        """Return the size of each file in bytes."""
        return {path: state.st_size for path, state in self.files.items()}


def read(folder: Path, *, is_flat: bool = False) -> Package:
    """Read what can be read of `folder`, whatever is wrong with it.

    Raises UsageError when there is no such folder, RefusedError when it is too large to be read.
    """
    package, problems, is_too_large = _collect(folder, is_flat=is_flat)
    if is_too_large:
        raise refuse(folder, problems)
    return package


def pack(folder: Path, *, is_flat: bool = False) -> Package:
    """Read `folder` with its sub-folders; hidden files, except .airflowignore, and __pycache__ are left out.

    `is_flat` is for a ConfigMap that is mounted as it is: no sub-folders, text only, 1 MiB; it adds the ignore rule
    that such a mount needs. Raises RefusedError with every problem, UsageError when there is no such folder.
    """
    package, problems, _ = _collect(folder, is_flat=is_flat)
    if not problems and not any(path.endswith((".py", ".zip")) for path in package.files):
        problems.append(Problem("", 0, "there is no DAG in it: no file ends in .py or .zip"))
    if is_flat:
        problems += _flat_problems(package)
    if problems:
        raise refuse(folder, problems)
    return package


def is_left_out(name: str) -> bool:
    """Tell whether a file or folder of this name is never delivered."""
    return name == CACHE or (name.startswith(".") and name != IGNORE_FILE)


def refuse(folder: Path, problems: list[Problem]) -> RefusedError:
    """Return the error that lists the problems by their files below the folder."""
    return RefusedError(folder, sorted(replace(found, file=f"{folder.name}/{found.file}") for found in problems))


def _collect(folder: Path, *, is_flat: bool) -> tuple[Package, list[Problem], bool]:
    """Return what can be read, what is wrong, and whether that is a size for which nothing was read."""
    if not os.path.isdir(folder):  # noqa: PTH112 - which raises for no permission
        raise UsageError(f"the DAG folder {folder} is not there", next_step="create it, or name another one")
    found = _walk(folder)
    # Before anything is read: a file may be larger than this machine's memory.
    found.problems += (too_large := [*_size_problems(found.sizes, is_flat=is_flat)])
    if too_large:
        return Package({}), found.problems, True
    files: dict[str, bytes] = {}
    for path in sorted(found.files):
        try:
            files[path] = (folder / path).read_bytes()
        except OSError as error:
            found.problems.append(_unreadable(path, error))
    if is_flat:
        files[IGNORE_FILE] = add_ignore_rule(files.get(IGNORE_FILE, b""))
        found.problems += _size_problems({path: len(content) for path, content in files.items()}, is_flat=True)
    package = Package(
        dict(sorted(files.items())),
        frozenset() if is_flat else frozenset(path for path in files if found.files[path].st_mode & stat.S_IXUSR),
        () if is_flat else tuple(sorted(found.folders)),
        tuple(sorted(found.left_out)),
    )
    return package, found.problems, False


def _walk(folder: Path) -> _Found:
    """Look at all that is in the folder, and read nothing."""
    found = _Found()
    # A folder's path below the DAG folder, and the real folders from there down to it.
    waiting: list[tuple[str, tuple[Path, ...]]] = [("", (folder.resolve(),))]
    while waiting:
        prefix, within = waiting.pop()
        try:
            names = sorted(path.name for path in (folder / prefix).iterdir())
        except OSError as error:
            found.problems.append(_unreadable(prefix, error))
            continue
        kept = [name for name in names if not is_left_out(name)]
        found.left_out += [f"{prefix}{name}" for name in names if name not in kept]
        # What only Python's cache is left of is no folder of the author's.
        if prefix and not kept and names != [CACHE]:
            found.folders.add(prefix.removesuffix("/"))
        for name in kept:
            path = f"{prefix}{name}"
            problem = _name_problem(path, name)
            if problem:
                found.problems.append(problem)
                continue
            try:
                state, real = _look(folder / path, within)
            except _NotDeliverableError as error:
                found.problems.append(Problem(path, 0, error.what, error.fix))
            except OSError as error:
                found.problems.append(_unreadable(path, error))
            else:
                if stat.S_ISDIR(state.st_mode):
                    waiting.append((f"{path}/", (*within, real)))
                else:
                    found.files[path] = state
    return found


class _NotDeliverableError(Exception):
    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def _look(path: Path, within: tuple[Path, ...]) -> tuple[os.stat_result, Path]:
    """Return the state of a file or folder and where it really is; `within` are the real folders around it."""
    state, real = path.lstat(), within[-1] / path.name
    if stat.S_ISLNK(state.st_mode):
        try:
            real = path.resolve(strict=True)
        except (RuntimeError, OSError) as error:
            if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:  # by the version of Python
                raise _NotDeliverableError("a link that leads to itself", "remove the link") from None
            raise
        if not real.is_relative_to(within[0]):
            raise _NotDeliverableError(f"a link that leads out of the folder, to {real}", "put a copy in its place")
        if real in within:
            raise _NotDeliverableError("a link to a folder that holds it", "remove the link")
        state = path.stat()
    if not stat.S_ISDIR(state.st_mode) and not stat.S_ISREG(state.st_mode):
        kind = KINDS.get(stat.S_IFMT(state.st_mode), "no regular file")
        raise _NotDeliverableError(f"{kind}, which cannot be delivered", "take it out of the folder")
    return state, real


KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def _name_problem(path: str, name: str) -> Problem | None:
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        return Problem(shown, 0, "its name is not UTF-8", "rename it")
    if any(unicodedata.category(character) == "Cc" for character in name):
        return Problem(repr(path), 0, "a control character in the name", "rename it")
    if size > LIMIT_PATH_BYTES:
        shown = f"{path[:SHOWN_CHARS]}..."
        return Problem(
            shown, 0, f"its path has {size} bytes, at most {LIMIT_PATH_BYTES} arrive", "give it a shorter one"
        )
    return None


def _unreadable(path: str, error: OSError) -> Problem:
    return Problem(path, 0, str(error.strerror or error), "make it readable, or take it out of the folder")


def _flat_problems(package: Package) -> Iterator[Problem]:
    for path, content in package.files.items():
        if "/" in path:
            yield Problem(path, 0, "a ConfigMap cannot hold a sub-folder", f"move the file up, or {VERSIONED}")
        elif not KEY.fullmatch(path):
            allowed = "only letters, digits, '-', '_' and '.', at most 253"
            yield Problem(path, 0, f"a ConfigMap key has {allowed}", f"rename the file, or {VERSIONED}")
        elif not _is_text(content):
            yield Problem(path, 0, "not UTF-8", f"save the file as UTF-8, or {VERSIONED}")


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _size_problems(sizes: Mapping[str, int], *, is_flat: bool) -> Iterator[Problem]:
    limit_bytes, way_out = (FLAT_LIMIT_BYTES, f"more room: {VERSIONED}") if is_flat else (LIMIT_BYTES, GIT)
    total = sum(sizes.values())
    if total > limit_bytes:
        most = sorted(((size, path) for path, size in sizes.items()), reverse=True)
        largest = ", ".join(f"{path} {size}" for size, path in most[:LARGEST_SHOWN])
        yield Problem(
            most[0][1],
            0,
            f"the folder has {total} bytes, at most {limit_bytes} can be delivered; the largest: {largest}",
            f"take data out of the folder, or use {way_out}",
        )
    if len(sizes) > LIMIT_FILES:
        what = f"the folder has {len(sizes)} files, at most {LIMIT_FILES} can be delivered"
        yield Problem("", 0, what, f"take data out of the folder, or use {GIT}")


def add_ignore_rule(own: bytes) -> bytes:
    """Return the lines of an `.airflowignore`, and the rule that a mounted ConfigMap needs."""
    lines = own.decode(errors="replace").splitlines()
    return "".join(f"{line}\n" for line in (lines if IGNORE_RULE in lines else [*lines, IGNORE_RULE])).encode()
