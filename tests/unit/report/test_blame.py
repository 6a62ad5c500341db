"""Whose matter a red test is."""

import errno

import pytest

from harness.command import CommandError, HostCommandError
from harness.errors import HarnessError, HostError, Party, UsageError
from harness.faults.injection import Injection
from harness.observe.follower import Gap
from harness.report.blame import find_blame, find_party
from harness.report.numbers import collect_numbers
from harness.report.page import render
from harness.report.records import Failure
from harness.tools.airflow_client import AirflowApiError
from harness.tools.k8s_connection import KubernetesError
from harness.waiting import WaitTimeoutError

from ..observe.samples import at
from .samples import case, failed_case, run_of, session_of


def raised(error: BaseException, *, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


AWAY = KubernetesError("GET /api/v1/pods", 503, "starting")


@pytest.mark.parametrize(
    ("error", "party"),
    [
        (AssertionError("Docker, kind create, port 80 is taken: words tell nothing"), "product"),
        (HarnessError("the recording ended early"), "product"),
        (UsageError("no DAG of that name"), "product"),
        (HostError("no container engine answers"), "host"),
        (HostCommandError(["docker", "build"], "exit code 1"), "host"),
        (CommandError(["helm", "upgrade"], "exit code 1"), "product"),
        (OSError(errno.ENOSPC, "No space left on device"), "host"),
        (OSError(errno.EADDRINUSE, "Address already in use"), "host"),
        (FileNotFoundError(errno.ENOENT, "no such file"), "product"),
        (KubernetesError("GET /api/v1/pods", 0, "refused"), "cluster"),
        (AWAY, "cluster"),
        (KubernetesError("GET /api/v1/pods", 403, "Forbidden"), "product"),
        (WaitTimeoutError("cluster harness-ci: not reached in 240 s", party="cluster"), "cluster"),
        (WaitTimeoutError("the end of run x: not reached in 60 s"), "product"),
        (AirflowApiError("GET /dags", 500, "oops"), "Airflow"),
        (AirflowApiError("GET /dags", 0, "timeout"), "Airflow"),
        (AirflowApiError("GET /dags", 404, "no such DAG"), "product"),
        (raised(RuntimeError("it failed"), cause=AWAY), "cluster"),
        (None, "product"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_error_s_class_tells(error: BaseException | None, party: Party) -> None:
    assert find_party(error) == party
    red = failed_case()
    red.failures = [Failure("call", "what pytest says of it", "", find_party(error))]
    found = find_blame(red, session_of(red))
    assert found is not None
    assert found.party == party
    assert found.reason


def test_strict_xfail_that_passed_is_airflow_s() -> None:
    red = failed_case()
    red.failures = [Failure("call", "[XPASS(strict)] Airflow loses the try", "")]
    assert find_blame(red, session_of(red)).party == "Airflow"  # type: ignore[union-attr]


def test_what_is_not_red_is_nobody_s() -> None:
    green = case()
    assert find_blame(green, session_of(green)) is None


def test_the_quoted_source_is_no_evidence() -> None:
    red = failed_case(text="docker.call('rm')")
    found = find_blame(red, session_of(red))
    assert found is not None
    assert found.party == "product"


def test_gap_in_a_test_is_the_cluster_s_unless_the_test_made_it() -> None:
    red = failed_case(start=100)
    session = session_of(red)
    session.gaps = [Gap(at(10), "before", at(20))]
    assert find_blame(red, session).party == "product"  # type: ignore[union-attr]
    session.gaps.append(Gap(at(110), "the line broke"))
    assert find_blame(red, session).party == "cluster"  # type: ignore[union-attr]
    red.injections = [Injection("the API server is stopped", at(105), "it is")]
    assert find_blame(red, session).party == "product"  # type: ignore[union-attr]


def test_an_outage_of_airflow_in_a_test_is_airflow_s() -> None:
    red = failed_case(start=100)
    session = session_of(red, runs=(run_of("example"),))
    session.outages = [Gap(at(110), "connection refused", at(115))]
    found = find_blame(red, session)
    assert (found.party, found.reason) == ("Airflow", "its API was away: connection refused")  # type: ignore[union-attr]
    assert "<b>1</b> outage of Airflow" in render(session)
    assert collect_numbers(session)["outages"][0]["reason"] == "connection refused"


def test_interrupted_is_the_host_s_and_a_surprise_is_airflow_s() -> None:
    ended = case(outcomes={"setup": "passed"})
    surprise = case("test_x", is_expected_to_fail=True)
    session = session_of(ended, surprise)
    assert find_blame(ended, session).party == "host"  # type: ignore[union-attr]
    assert find_blame(surprise, session).party == "Airflow"  # type: ignore[union-attr]


def test_page_and_numbers_tell_it() -> None:
    session = session_of(failed_case(), case("test_good"))
    assert '<span class="chip" title="nothing points to' in render(session)
    red, green = collect_numbers(session)["tests"]
    assert red["blame"]["party"] == "product"
    assert green["blame"] is None
