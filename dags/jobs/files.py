"""Moves files such that a killed move is finished by the next one, and no reader ever sees half a file.

The paths are `pathlib.Path` or Airflow's `ObjectStoragePath`, which has the same methods over any storage.
"""

import hashlib
import shutil
from pathlib import Path

CHUNK_BYTES = 1024 * 1024
UNFINISHED = ".part"


def move_all(source: Path, target: Path) -> list[str]:
    """Move all files of the folder `source` into the folder `target`, and return their names.

    Hidden files, folders and names that end in `.part` stay: somebody still writes them. Raises FileExistsError when
    `target` has another file of that name; what was moved before it stays moved.
    """
    target.mkdir(parents=True, exist_ok=True)
    files = sorted((path for path in source.iterdir() if _is_finished(path)), key=lambda path: path.name)
    for file in files:
        move(file, target / file.name)
    return [file.name for file in files]


def move(source: Path, target: Path) -> None:
    """Move one file; a try that was killed anywhere in here is finished by calling it again."""
    if not target.exists():
        unfinished = target.with_name(f".{target.name}{UNFINISHED}")
        with source.open("rb") as reading, unfinished.open("wb") as writing:
            shutil.copyfileobj(reading, writing, CHUNK_BYTES)
        if _digest(unfinished) != _digest(source):
            raise OSError(f"{unfinished} is not what {source} holds: was it changed meanwhile?")
        unfinished.rename(target)
    elif _digest(target) != _digest(source):
        raise FileExistsError(f"{target} is there already and is not the same file as {source}")
    source.unlink()


def _is_finished(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and not path.name.endswith(UNFINISHED)


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            total.update(chunk)
    return total.hexdigest()
