"""What is wrong with a DAG file, told as a compiler does: where, what, and how to mend it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with `file`, as the author would name it; line 0 when no line is to blame."""

    file: str
    line: int
    what: str
    fix: str = ""

    def __str__(self) -> str:
        """Return `file:line: what`, and below it the fix."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.what}" + (f"\n    fix: {self.fix}" if self.fix else "")


class RefusedError(UsageError):
    """The DAG folder cannot be delivered; `problems` is all that is wrong with it."""

    def __init__(self, folder: Path, problems: Sequence[Problem]) -> None:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        super().__init__(
            f"the DAG folder {folder} has {count}:\n" + "\n".join(map(str, problems)),
            next_step="correct the folder and try again; the cluster keeps the last good version",
        )
        self.problems = tuple(problems)
