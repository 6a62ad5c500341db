"""Watching: one line a save, no save lost, and a cluster that may go away."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from harness.delivery import watch as watch_module
from harness.delivery.watch import HasSaves, Watch, read_saves
from harness.errors import HarnessError, UsageError
from harness.gate.problem import Problem, RefusedError
from harness.tools.airflow_client import AirflowApiError
from harness.tools.k8s_connection import KubernetesError

from ..fakes.clock import FakeTime

NONE: frozenset[str] = frozenset()
AWAY = KubernetesError("GET /api", 0, "no answer")


class Scene:
    """A folder that is saved by `save`, a sync that counts, and what was said."""

    def __init__(self) -> None:
        self.time = FakeTime()
        self.batches: list[frozenset[str] | BaseException] = []
        self.outcomes: list[Callable[[], str]] = []
        self.pings: list[Exception | None] = []
        self.said: list[str] = []
        self.synced = 0

    def run(self, after_sync: Callable[[HasSaves], None] = lambda _: None) -> list[str]:
        """Watch until all was saved, and return what was said."""
        Watch(
            self._saves(),
            self._sync,
            say=self.said.append,
            ping=self._ping,
            explain=lambda error: error.next_step,
            after_sync=after_sync,
            now=lambda: datetime(2026, 11, 22, 12, 1, 33 + int(self.time.seconds)),  # noqa: DTZ001 - local, as a person has it
            clock=self.time.clock,
        ).run()
        return self.said

    def save(self, *names: str) -> None:
        self.batches.append(frozenset(names))

    def _saves(self) -> Iterator[frozenset[str]]:
        while self.batches:
            batch = self.batches.pop(0)
            if isinstance(batch, BaseException):
                raise batch
            yield batch

    def _sync(self) -> str:
        self.synced += 1
        return self.outcomes.pop(0)() if self.outcomes else f"live: sync {self.synced}"

    def _ping(self) -> None:
        error = self.pings.pop(0) if self.pings else None
        if error:
            raise error


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.save()
    return made


def failing(error: Exception) -> Callable[[], str]:
    def fail() -> str:
        raise error

    return fail


def test_syncs_at_the_start_and_then_one_line_a_save(scene: Scene) -> None:
    scene.save()
    scene.save("hello.py")
    scene.save()
    scene.save("a.py", "b.sql", "c.yaml", "d.py", "e.py")
    assert scene.run() == [
        "12:01:33 live: sync 1",
        "12:01:33 live: sync 2 (hello.py)",
        "12:01:33 live: sync 3 (a.py, b.sql, c.yaml, and 2 more)",
    ]


def test_gate_that_fails_keeps_the_version_and_the_watch_going(scene: Scene) -> None:
    problems = RefusedError(Path("dags"), [Problem("hello.py", 3, "invalid syntax", "close it")])
    scene.save("hello.py")
    scene.save("hello.py")
    scene.outcomes = [lambda: "live: all", failing(problems)]
    assert "\n".join(scene.run()).splitlines() == [
        "12:01:33 live: all",
        "12:01:33 kept the last good version (hello.py)",
        "         hello.py:3: invalid syntax",
        "             fix: close it",
        "12:01:33 live: sync 3 (hello.py)",
    ]


def test_failure_behind_the_gate_says_what_and_the_next_step(scene: Scene) -> None:
    scene.outcomes = [failing(HarnessError("Airflow cannot import hello.py:\nboom", next_step="correct hello.py"))]
    assert scene.run() == [
        "12:01:33 failed\n         Airflow cannot import hello.py:\n         boom\n         correct hello.py"
    ]


def test_save_during_a_sync_leads_to_one_more(scene: Scene) -> None:
    def save_meanwhile() -> str:
        scene.batches.insert(0, frozenset({"b.py"}))
        return "live: slow"

    scene.save("a.py")
    scene.outcomes = [lambda: "live: all", save_meanwhile]
    assert scene.run()[1:] == ["12:01:33 live: slow (a.py)", "12:01:33 live: sync 3 (b.py)"]


@pytest.mark.parametrize(
    "error", [AWAY, KubernetesError("GET /api", 503, "ServiceUnavailable"), AirflowApiError("GET /dags", 0, "refused")]
)
def test_cluster_away_is_told_once_and_saves_go_live_when_back(scene: Scene, error: Exception) -> None:
    scene.save("a.py")
    scene.save()
    scene.save("b.py")
    scene.save()
    scene.pings = [None, error, error, error, None]
    said = scene.run()
    assert said == [
        "12:01:33 live: sync 1",
        f"12:01:33 the cluster does not answer; what is saved goes live when it does (a.py)\n         {error}",
        "12:01:39 the cluster answers again, live: sync 2 (a.py, b.py)",
    ]
    assert scene.synced == 2


def test_cluster_that_goes_away_during_a_sync_is_synced_again(scene: Scene) -> None:
    scene.outcomes = [failing(AWAY), failing(AWAY)]
    said = scene.run()
    assert len(said) == 2
    assert said[1] == "12:01:37 the cluster answers again, live: sync 3"


def test_cluster_that_goes_away_a_second_time_is_told_again(scene: Scene) -> None:
    scene.save()
    scene.save("a.py")
    scene.pings = [AWAY, None, AWAY, None]
    assert [line[9:27] for line in scene.run()] == ["the cluster does n", "the cluster answer"] * 2


def test_cluster_that_refuses_while_it_comes_back_is_waited_for(scene: Scene) -> None:
    scene.pings = [None, AWAY, KubernetesError("GET /api", 403, "Forbidden"), None]
    scene.save("a.py")
    said = scene.run()
    assert "the cluster does not answer" in said[1]
    assert said[2].endswith("the cluster answers again, live: sync 2 (a.py)")
    assert len(said) == 3


def test_cluster_that_is_away_for_hours_is_waited_for(scene: Scene) -> None:
    scene.pings = [AWAY] * 9000
    Watch(
        scene._saves(), scene._sync, say=scene.said.append, ping=scene._ping, explain=str, clock=scene.time.clock
    ).run()
    assert scene.synced == 1
    assert scene.time.seconds == 18000


def test_refusal_by_the_cluster_is_no_outage(scene: Scene) -> None:
    scene.outcomes = [failing(KubernetesError("PATCH /configmaps", 403, "Forbidden"))]
    refused = "12:01:33 failed\n         Kubernetes API, PATCH /configmaps: 403 Forbidden\n"
    assert scene.run() == [f"{refused}         use an account that may do this"]


def test_gate_s_failure_while_the_cluster_is_away_is_told_later(scene: Scene) -> None:
    scene.pings = [AWAY, None]
    scene.outcomes = [failing(RefusedError(Path("dags"), [Problem("a.py", 0, "bad")]))]
    assert scene.run()[-1] == "12:01:35 kept the last good version\n         a.py: bad"


def test_what_is_to_follow_runs_only_after_a_sync_that_succeeded(scene: Scene) -> None:
    seen: list[int] = []
    scene.save("a.py")
    scene.save("b.py")
    scene.outcomes = [lambda: "live: all", failing(UsageError("bad"))]
    scene.run(after_sync=lambda _: seen.append(scene.synced))
    assert seen == [1, 3]


def test_save_while_something_follows_is_noticed_and_synced_next(scene: Scene) -> None:
    noticed: list[bool] = []
    scene.save()
    scene.save("a.py")

    def follow(has_saves: HasSaves) -> None:
        if scene.synced == 1:
            noticed.extend([has_saves(), has_saves()])

    assert scene.run(after_sync=follow) == ["12:01:33 live: sync 1", "12:01:33 live: sync 2 (a.py)"]
    assert noticed == [False, True]


def test_failure_of_what_follows_is_not_one_of_the_sync(scene: Scene) -> None:
    def follow(_: HasSaves) -> None:
        raise UsageError("Airflow knows no DAG `x`", next_step="correct the id")

    scene.save("a.py")
    said = scene.run(after_sync=follow)
    assert said[:2] == [
        "12:01:33 live: sync 1",
        "12:01:33 synced, and then failed\n         Airflow knows no DAG `x`\n         correct the id",
    ]
    assert said[2] == "12:01:33 live: sync 2 (a.py)"


def test_interrupt_is_the_caller_s(scene: Scene) -> None:
    scene.batches.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        scene.run()
    assert scene.said == ["12:01:33 live: sync 1"]


def read(saves: Iterator[frozenset[str]], *, looks: int = 50) -> frozenset[str]:
    """Return the next names that were saved, or none after so many looks."""
    return next((names for names in (next(saves) for _ in range(looks)) if names), NONE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(watch_module, "QUIET_MS", 10)
    monkeypatch.setattr(watch_module, "TICK_MS", 20)
    made = tmp_path / ".hidden" / "dags"  # what is above the folder does not matter
    made.mkdir(parents=True)
    (made / "hello.py").write_text("1")
    (made / "sub").mkdir()
    return made


def test_saves_in_a_real_folder_are_seen_and_none_is_lost(folder: Path) -> None:
    saves = read_saves(folder)
    assert next(saves) == NONE
    (folder / "hello.py").write_text("2")
    (folder / "sub" / "query.sql").write_text("select 1")
    assert read(saves) == {"hello.py", "sub/query.sql"}
    (folder / "hello.py").unlink()
    assert read(saves) == {"hello.py"}
    (folder / ".airflowignore").write_text("x")
    assert read(saves) == {".airflowignore"}


def test_files_of_editors_and_caches_are_no_saves(folder: Path) -> None:
    saves = read_saves(folder)
    next(saves)
    (folder / "sub" / "__pycache__").mkdir()
    for name in (".hello.py.swp", ".git", "4913", "hello.py~", "#hello.py#", ".#hello.py", "hello.py___jb_tmp___"):
        (folder / name).write_text("x")
    (folder / "sub" / "__pycache__" / "hello.pyc").write_text("x")
    assert read(saves, looks=10) == NONE


def test_save_by_way_of_a_copy_is_one_save_of_the_file(folder: Path) -> None:
    saves = read_saves(folder)
    next(saves)
    (folder / "sedAbC123").write_text("2")
    os.replace(folder / "sedAbC123", folder / "hello.py")  # noqa: PTH105 - what editors do
    assert read(saves) == {"hello.py"}


def test_folder_that_is_replaced_is_watched_anew(folder: Path) -> None:
    saves = read_saves(folder)
    next(saves)
    shutil.copytree(folder, folder.with_name("copy"))
    folder.rename(folder.with_name("old"))
    folder.with_name("copy").rename(folder)
    assert read(saves) == {"dags/"}
    (folder / "hello.py").write_text("3")
    assert read(saves) == {"hello.py"}


def test_folder_that_is_away_for_a_while_is_waited_for(folder: Path, time: FakeTime) -> None:
    saves = read_saves(folder, time.clock)
    next(saves)
    folder.rename(folder.with_name("old"))
    time.at(30, lambda: folder.with_name("old").rename(folder))
    assert read(saves) == {"dags/"}
    assert time.seconds == 30
