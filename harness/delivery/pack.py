"""Reads a DAG folder for delivery, or says everything that is wrong with it at once; pure, no cluster."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.delivery.problem import Problem, RefusedError
from harness.errors import UsageError

LIMIT_BYTES = 20 * 1024 * 1024
# Kubernetes counts the values' bytes, not keys or metadata (`ValidateConfigMap`, `MaxSecretSize`).
FLAT_LIMIT_BYTES = 1024 * 1024
LARGEST_SHOWN = 5
DIGITS = 16  # of the hexadecimal hashes: 64 bits tell all files of a team apart
KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")  # `IsConfigMapKey`

IGNORE_FILE = ".airflowignore"
# A ConfigMap's folder holds `..data` and `..<time>`, which lead to the same files; Airflow's walk over the folder takes
# that for an endless loop and the dag-processor exits.
IGNORE_RULE = "..*"


@dataclass(frozen=True)
class Package:
    """The folder's files: content by POSIX path relative to the folder, in the order of the paths."""

    files: Mapping[str, bytes]

    @property
    def size_bytes(self) -> int:
        """Return the size of all contents."""
        return sum(map(len, self.files.values()))

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Return a hash of each file's content; a version lists them all, so they are short."""
        return {path: hashlib.sha256(content).hexdigest()[:DIGITS] for path, content in self.files.items()}

    @cached_property
    def version(self) -> str:
        """Return a hash of all paths and contents, short enough for a name."""
        total = hashlib.sha256()
        for path, digest in self.digests.items():
            total.update(f"{path}\0{digest}\n".encode())
        return total.hexdigest()[:DIGITS]


def read(folder: Path, *, is_flat: bool = False) -> Package:
    """Read what can be read of `folder`, whatever is wrong with it; raises UsageError when there is no such folder."""
    return _collect(folder, is_flat=is_flat)[0]


def pack(folder: Path, *, is_flat: bool = False, known: Collection[str] = (), has_syntax_check: bool = True) -> Package:
    """Read `folder` with its sub-folders; hidden files, except .airflowignore, and __pycache__ are left out.

    `is_flat` is for a ConfigMap that is mounted as it is: no sub-folders, text only, 1 MiB; it adds the ignore rule
    that such a mount needs. `known` holds digests of files that need not be compiled again. Raises RefusedError with
    every problem, UsageError when there is no such folder.
    """
    package, problems = _collect(folder, is_flat=is_flat)
    if not problems and not any(path.endswith(".py") for path in package.files):
        problems.append(Problem("", 0, "there is no DAG in it: no file ends in .py"))
    problems += _flat_problems(package) if is_flat else _size_problems(package, LIMIT_BYTES, "Airflow's GitDagBundle")
    for path, content in package.files.items():
        if has_syntax_check and path.endswith(".py") and package.digests[path] not in known:
            problems += _syntax_problems(path, content)
    if problems:
        raise RefusedError(folder, sorted(replace(found, file=f"{folder.name}/{found.file}") for found in problems))
    return package


def _collect(folder: Path, *, is_flat: bool) -> tuple[Package, list[Problem]]:
    if not folder.is_dir():
        raise UsageError(f"the DAG folder {folder} is not there", next_step="create it, or name another one")
    files: dict[str, bytes] = {}
    problems = list(_read(folder, files))
    if is_flat:
        files[IGNORE_FILE] = _ignore_rules(files.get(IGNORE_FILE, b""))
    return Package(dict(sorted(files.items()))), problems


def is_left_out(name: str) -> bool:
    """Tell whether a file or folder of this name is never delivered."""
    return name == "__pycache__" or (name.startswith(".") and name != IGNORE_FILE)


def _read(folder: Path, files: dict[str, bytes], around: tuple[Path, ...] = (), prefix: str = "") -> Iterator[Problem]:
    """Fill `files` and yield what cannot be read; `around` is the real folders from the DAG folder down to this one."""
    within = (*around, folder.resolve())
    for path in sorted(folder.iterdir()):
        if is_left_out(path.name):
            continue
        name = f"{prefix}{path.name}"
        real = path.resolve()
        if not real.is_relative_to(within[0]):
            yield Problem(name, 0, f"a link that leads out of the folder, to {real}", "put a copy in its place")
        elif real in within:
            yield Problem(name, 0, "a link to a folder that holds it", "remove the link")
        elif not path.name.isprintable():
            yield Problem(repr(name), 0, "a control character in the name", "rename it")
        elif path.is_dir():
            yield from _read(path, files, within, f"{name}/")
        else:
            try:
                files[name] = path.read_bytes()
            except OSError as error:
                yield Problem(name, 0, str(error.strerror), "make it readable, or take it out of the folder")


def _syntax_problems(name: str, content: bytes) -> Iterator[Problem]:
    try:
        compile(content.decode(), name, "exec", dont_inherit=True)
    except UnicodeDecodeError as error:
        yield Problem(name, content.count(b"\n", 0, error.start) + 1, "not UTF-8", "save the file as UTF-8")
    except SyntaxError as error:
        yield Problem(name, error.lineno or 1, f"{type(error).__name__}: {error.msg}")
    except ValueError as error:  # what Python before 3.11.4 raises for a NUL character
        yield Problem(name, 1, f"SyntaxError: {error}")


def _flat_problems(package: Package) -> Iterator[Problem]:
    versioned = "set `versioned: true` for its bundle in the chart's values"
    for path, content in package.files.items():
        if "/" in path:
            yield Problem(path, 0, "a ConfigMap cannot hold a sub-folder", f"move the file up, or {versioned}")
        elif not KEY.fullmatch(path):
            allowed = "only letters, digits, '-', '_' and '.', at most 253"
            yield Problem(path, 0, f"a ConfigMap key has {allowed}", f"rename the file, or {versioned}")
        elif not path.endswith(".py") and not _is_text(content):
            yield Problem(path, 0, "not UTF-8", f"save the file as UTF-8, or {versioned}")
    yield from _size_problems(package, FLAT_LIMIT_BYTES, f"more room: {versioned}")


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _size_problems(package: Package, limit_bytes: int, way_out: str) -> Iterator[Problem]:
    if package.size_bytes <= limit_bytes:
        return
    sizes = sorted(((len(content), path) for path, content in package.files.items()), reverse=True)
    largest = ", ".join(f"{path} {size}" for size, path in sizes[:LARGEST_SHOWN])
    yield Problem(
        sizes[0][1],
        0,
        f"the folder has {package.size_bytes} bytes, at most {limit_bytes} can be delivered; the largest: {largest}",
        f"take data out of the folder, or use {way_out}",
    )


def _ignore_rules(own: bytes) -> bytes:
    lines = own.decode(errors="replace").splitlines()
    return "".join(f"{line}\n" for line in (lines if IGNORE_RULE in lines else [*lines, IGNORE_RULE])).encode()
