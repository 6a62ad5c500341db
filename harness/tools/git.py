"""Git, as far as it tells where files come from; where it cannot, there is no answer and no error."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.command import CommandError, Result, run

QUICK_S = 30


@dataclass(frozen=True)
class Git:
    """The repository around a folder, if there is one."""

    folder: Path

    def head(self) -> tuple[str, datetime] | None:
        """Return the commit that is checked out, and its time."""
        words = self._answer("log", "-1", "--format=%H %ct").split()
        return (words[0], datetime.fromtimestamp(int(words[1]), UTC)) if len(words) == 2 else None  # noqa: PLR2004

    def is_clean(self) -> bool:
        """Tell whether the folder is as the commit has it."""
        return not self._answer("status", "--porcelain", "--", ".")

    def user(self) -> str:
        """Return who commits here."""
        return self._answer("config", "user.name")

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Tell whether a commit is in the history of another one; None when one of them is not here."""
        result = self._run("merge-base", "--is-ancestor", older, newer)
        return {0: True, 1: False}.get(result.returncode) if result else None

    def _answer(self, *words: str) -> str:
        result = self._run(*words)
        return result.stdout.strip() if result and result.returncode == 0 else ""

    def _run(self, *words: str) -> Result | None:
        try:
            return run(["git", "-C", str(self.folder), *words], timeout_s=QUICK_S, check=False)
        except CommandError:  # there is no git
            return None
