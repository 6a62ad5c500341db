"""Keep the log files of a folder within bounds: the oldest go first.

Usage: groom_logs.py FOLDER MAX_BYTES KEEP_DAYS; 0 is no bound.

A file that Airflow opens for each line of work, as the DAG processor does for each parse, is made anew when it is gone.
Of a file that is open, the room is free when it is closed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

# Days pass slowly, and a shared volume may have many files.
PAUSE_S, PAUSE_FOR_DAYS_S = 60, 3600
DAY_S = 24 * 3600


def find_files(folder: Path) -> list[tuple[float, int, Path]]:
    """Return time, size and path of each file, the oldest first; another may remove one meanwhile."""
    found = []
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
            if path.is_file() and not path.is_symlink():
                found.append((status.st_mtime, status.st_size, path))
        except FileNotFoundError:
            continue
    return sorted(found)


def groom(folder: Path, max_bytes: int, keep_days: float, now: float) -> list[Path]:
    """Remove files that are too old, then the oldest until the rest fits; return them."""
    files = find_files(folder)
    total_bytes = sum(size for _, size, _ in files)
    removed = []
    for modified, size, path in files:
        is_old = bool(keep_days) and now - modified > keep_days * DAY_S
        if not is_old and not (max_bytes and total_bytes > max_bytes):
            break
        path.unlink(missing_ok=True)
        total_bytes -= size
        removed.append(path)
    for path in sorted((path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()), reverse=True):
        is_stale = now - path.lstat().st_mtime > DAY_S
        if is_stale and not any(path.iterdir()):
            path.rmdir()
    return removed


def main() -> None:
    """Groom for ever; say what went."""
    folder, max_bytes, keep_days = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    while True:
        try:
            if removed := groom(folder, max_bytes, keep_days, time.time()):
                print(f"Removed {len(removed)} log files, the last {removed[-1].relative_to(folder)}", flush=True)
        except OSError as error:
            print(f"Some log files stay: {error}", flush=True)
        time.sleep(PAUSE_S if max_bytes else PAUSE_FOR_DAYS_S)


if __name__ == "__main__":
    main()
