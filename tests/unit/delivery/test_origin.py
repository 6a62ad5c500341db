"""Where a version comes from: asked of git, with a repository of the test's own."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from harness.delivery.origin import UNKNOWN, Origin, note, parse, read_origin, refuse_older
from harness.errors import UsageError

pytestmark = pytest.mark.processes


@pytest.fixture
def dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a DAGs folder of one commit, by Ada."""
    for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "dags"
    folder.mkdir()
    for key, value in {"GLOBAL": "/dev/null", "SYSTEM": "/dev/null"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{key}", value)
    git(tmp_path, "init", "--quiet")
    for key, value in {"user.name": "Ada", "user.email": "ada@example.org"}.items():
        git(tmp_path, "config", key, value)
    commit(folder, 1)
    return folder


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


def commit(folder: Path, day: int) -> Origin:
    """Change the folder, commit that, and return its origin."""
    (folder / "a.py").write_text(f"x = {day}")
    git(folder, "add", ".")
    subprocess.run(
        ["git", "-C", folder, "commit", "--quiet", "-m", "a day"],
        env={"GIT_COMMITTER_DATE": f"2026-11-{day:02}T00:00:00Z", "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        check=True,
    )
    return read_origin(folder)


def test_commit_and_who_are_those_of_git(dags: Path) -> None:
    origin = read_origin(dags)
    assert (len(origin.commit), origin.is_clean, origin.by) == (40, True, "Ada")
    assert origin.committed
    assert origin.committed.isoformat() == "2026-11-01T00:00:00+00:00"
    (dags / "b.py").touch()
    assert read_origin(dags) == replace(origin, is_clean=False)
    assert str(read_origin(dags)) == f"commit {origin.commit[:10]} with changes by Ada"


def test_in_ci_it_is_who_started_the_job(dags: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", "grace")
    assert read_origin(dags).by == "grace in CI"


def test_without_git_nothing_is_known(dags: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert read_origin(dags) == UNKNOWN


@pytest.mark.parametrize("origin", [UNKNOWN, Origin("c0ffee", None, is_clean=False, by="Ada")])
def test_annotations_keep_it_whole(origin: Origin) -> None:
    assert parse({key: value for key, value in note(origin).items() if value}) == origin


def test_older_commit_is_refused_one_of_another_branch_is_not(dags: Path) -> None:
    old, new = read_origin(dags), commit(dags, 3)
    with pytest.raises(UsageError, match=f"is at commit {old.commit[:10]}, which is older than .*{new.commit[:10]} by"):
        refuse_older(dags, old, new)
    for ours, theirs in ((new, old), (new, new), (UNKNOWN, new), (old, UNKNOWN)):
        refuse_older(dags, ours, theirs)
    git(dags, "checkout", "--quiet", old.commit)
    refuse_older(dags, commit(dags, 2), new)


def test_commit_that_is_not_here_is_compared_by_time(dags: Path) -> None:
    first, second = read_origin(dags), commit(dags, 3)
    with pytest.raises(UsageError, match="older"):
        refuse_older(dags, first, replace(second, commit="f" * 40))
    refuse_older(dags, second, replace(first, commit="f" * 40))
