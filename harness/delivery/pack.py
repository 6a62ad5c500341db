"""Packs a DAG folder for a ConfigMap, or says everything that is wrong with it at once; pure, no cluster.

A ConfigMap is flat: the keys are file names. Sub-folders are refused by name, so that a package which would not arrive
is not half delivered.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError

# Kubernetes counts the values' bytes, not keys or metadata (`ValidateConfigMap`, `MaxSecretSize`).
LIMIT_BYTES = 1024 * 1024
LARGEST_SHOWN = 5
KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")  # `IsConfigMapKey`

IGNORE_FILE = ".airflowignore"
# A ConfigMap's folder holds `..data` and `..<time>`, which lead to the same files; Airflow's walk over the folder takes
# that for an endless loop and the dag-processor exits.
IGNORE_RULE = "..*"


@dataclass(frozen=True)
class Package:
    """What goes into the ConfigMap: `files` is text by key, in the order of the keys."""

    files: Mapping[str, str]

    @property
    def size_bytes(self) -> int:
        """Return what Kubernetes counts against the limit."""
        return sum(len(text.encode()) for text in self.files.values())

    @property
    def digest(self) -> str:
        """Return a hash of all names and contents."""
        total = hashlib.sha256()
        for key, text in self.files.items():
            total.update(f"{key}\0{len(text)}\0{text}".encode())
        return total.hexdigest()


def pack(folder: Path, *, limit_bytes: int = LIMIT_BYTES) -> Package:
    """Read the files of `folder`; hidden ones, except .airflowignore, and __pycache__ are left out.

    Raises UsageError that names every problem: no such folder, no DAG file, a sub-folder, a link out of the folder,
    a name that cannot be a key, text that is not UTF-8, Python that does not compile, too many bytes.
    """
    if not folder.is_dir():
        raise UsageError(f"the DAG folder {folder} is not there", next_step="create it, or name another one")
    problems: list[str] = []
    files: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if _is_left_out(path):
            continue
        text = _read(path, folder, problems)
        if text is not None:
            files[path.name] = text
    if not problems and not any(name.endswith(".py") for name in files):
        problems.append("there is no DAG in it: no file ends in .py")
    files[IGNORE_FILE] = _ignore_rules(files.get(IGNORE_FILE, ""))
    package = Package(dict(sorted(files.items())))
    problems += _size_problems(package, limit_bytes)
    if problems:
        raise UsageError(
            f"the DAG folder {folder} cannot be delivered:" + "".join(f"\n- {problem}" for problem in problems),
            next_step="correct the folder and try again; the cluster was not changed",
        )
    return package


def _is_left_out(path: Path) -> bool:
    return path.name == "__pycache__" or (path.name.startswith(".") and path.name != IGNORE_FILE)


def _read(path: Path, folder: Path, problems: list[str]) -> str | None:
    """Return the file's text, or None and a problem noted."""
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        problems.append(f"{path.name}: a link that leads out of the folder, to {path.resolve()}")
        return None
    if path.is_dir():
        if any(not _is_left_out(inner) for inner in path.iterdir()):
            problems.append(f"{path.name}/: a ConfigMap cannot hold a sub-folder; move its files up")
        return None
    if not KEY.fullmatch(path.name):
        problems.append(f"{path.name!r}: a ConfigMap key has only letters, digits, '-', '_' and '.', at most 253")
        return None
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        problems.append(f"{path.name}: {error.strerror}")
        return None
    except UnicodeDecodeError as error:
        problems.append(f"{path.name}: not UTF-8 at byte {error.start}")
        return None
    if path.suffix == ".py":
        problems += _syntax_problems(path.name, text)
    return text


def _syntax_problems(name: str, text: str) -> list[str]:
    try:
        compile(text, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        return [f"{name}:{error.lineno or 1}: {error.msg}"]
    except ValueError as error:  # a NUL character
        return [f"{name}:1: {error}"]
    return []


def _ignore_rules(own: str) -> str:
    lines = own.splitlines()
    return "\n".join(lines if IGNORE_RULE in lines else [*lines, IGNORE_RULE]) + "\n"


def _size_problems(package: Package, limit_bytes: int) -> list[str]:
    if package.size_bytes <= limit_bytes:
        return []
    sizes = sorted(((len(text.encode()), name) for name, text in package.files.items()), reverse=True)
    largest = ", ".join(f"{name} {size} bytes" for size, name in sizes[:LARGEST_SHOWN])
    return [f"{package.size_bytes} bytes, and a ConfigMap holds at most {limit_bytes}; the largest: {largest}"]
