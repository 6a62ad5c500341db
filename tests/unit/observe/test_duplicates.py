"""Duplicates: two pods at work on one try at once, and not two that took turns."""

import pytest

from harness.observe.duplicates import find_duplicates
from harness.observe.pods import ContainerStatus, WorkerPod

from .samples import at, pod


def worker(name: str, started: float | None, finished: float | None = None, try_number: int = 1) -> WorkerPod:
    state = "waiting" if started is None else "running" if finished is None else "terminated"
    container = ContainerStatus(
        "base",
        state,
        started=None if started is None else at(started),
        finished=None if finished is None else at(finished),
    )
    return pod(name=name, try_number=try_number, containers=(container,), deleted=None)


@pytest.mark.parametrize(
    ("pods", "duplicates"),
    [
        ([], []),
        ([worker("a", 0, 9)], []),
        ([worker("a", 0, 9), worker("b", 9, 12)], []),  # deferred, and resumed
        ([worker("a", 0, 9), worker("b", 8, 12)], ["b"]),
        ([worker("b", 8, 12), worker("a", 0)], ["b"]),
        ([worker("a", 0, 20), worker("b", 1, 2), worker("c", 15, 16)], ["b", "c"]),
        ([worker("a", None), worker("b", 3)], []),  # the first never started
        ([worker("a", 0), worker("b", 3, try_number=2)], []),
    ],
)
def test_pods_of_one_try_must_not_overlap(pods: list[WorkerPod], duplicates: list[str]) -> None:
    assert [one.name for one in find_duplicates(pods)] == duplicates
