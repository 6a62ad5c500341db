"""What must be true of every run."""

from harness.observe.expectations import (
    expect_all_succeeded,
    expect_hostnames,
    expect_nothing_left,
    expect_one_pod_per_try,
    expect_tries,
)
from harness.observe.runs import ObservedRun


def check_run(run: ObservedRun, tries: dict[str, int]) -> None:
    """Check a run that ended: these tries and no others, a pod for each, success, and nothing left."""
    pods, seen = run.pods, run.tries
    expect_tries(seen, tries, pods)
    expect_one_pod_per_try(pods, seen)
    expect_hostnames(pods, seen)
    expect_all_succeeded(seen, pods)
    expect_nothing_left(pods)
    assert run.state == "success", run.story
