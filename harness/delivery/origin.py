"""Where a version of the DAGs comes from: the git commit of their folder, and who delivered it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.errors import UsageError, Verb
from harness.tools.git import Git

COMMIT = "harness.dev/commit"
COMMITTED = "harness.dev/committed"
CLEAN = "harness.dev/clean"
BY = "harness.dev/by"
# Who started a job, as CI systems say it.
ACTORS = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN")
SHORT = 10


@dataclass(frozen=True)
class Origin:
    """The commit, empty when there is none, and its time; whether the folder was as committed; and who, if known."""

    commit: str = ""
    committed: datetime | None = None
    is_clean: bool = True
    by: str = ""

    @property
    def commit_in_words(self) -> str:
        """Return the commit as a person reads it."""
        return f"{self.commit[:SHORT]}{'' if self.is_clean else ' with changes'}"

    def __str__(self) -> str:
        told = (f"commit {self.commit_in_words}" if self.commit else "", f"by {self.by}" if self.by else "")
        return " ".join(filter(None, told))


UNKNOWN = Origin()


def read_origin(folder: Path) -> Origin:
    """Return where a folder's files come from."""
    git = Git(folder)
    head = git.head()
    actor = next(filter(None, map(os.environ.get, ACTORS)), "")
    by = f"{actor} in CI" if actor else git.user()
    return Origin(head[0], head[1], git.is_clean(), by) if head else Origin(by=by)


def note(origin: Origin) -> dict[str, str | None]:
    """Return the annotations that keep an origin."""
    kept = {
        COMMIT: origin.commit,
        COMMITTED: origin.committed.isoformat() if origin.committed else "",
        CLEAN: str(origin.is_clean).lower() if origin.commit else "",
        BY: origin.by,
    }
    return {key: value or None for key, value in kept.items()}


def parse(annotations: Mapping[str, str]) -> Origin:
    """Return the origin that annotations keep."""
    committed = annotations.get(COMMITTED)
    return Origin(
        annotations.get(COMMIT, ""),
        datetime.fromisoformat(committed) if committed else None,
        annotations.get(CLEAN) != "false",
        annotations.get(BY, ""),
    )


def refuse_older(folder: Path, ours: Origin, theirs: Origin) -> None:
    """Raise UsageError when the folder's commit is older than the one in the cluster.

    Where the history does not tell, since a clone is shallow, the commits' times do.
    """
    if not (ours.commit and theirs.commit) or ours.commit == theirs.commit:
        return
    is_older = Git(folder).is_ancestor(ours.commit, theirs.commit)
    if is_older is None:
        is_older = bool(ours.committed and theirs.committed and ours.committed < theirs.committed)
    if is_older:
        raise UsageError(
            f"the folder is at commit {ours.commit[:SHORT]}, which is older than what the cluster has: {theirs}",
            next_step=("pull, and sync again", Verb("dags sync --force", "goes back to it")),
        )
