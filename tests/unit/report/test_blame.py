"""Whose matter a red test is."""

import pytest

from harness.faults.ledger import Injection
from harness.observe.follower import Gap
from harness.report.blame import blame
from harness.report.numbers import numbers
from harness.report.page import render
from harness.report.records import Failure

from ..observe.samples import at
from .samples import case, failed_case, session_of


@pytest.mark.parametrize(
    ("line", "party"),
    [
        ("assert 1 == 2", "product"),
        ("harness.errors.UsageError: no container engine answers, so nobody can tell what runs", "host"),
        ("OSError: [Errno 28] No space left on device".lower(), "host"),
        ("harness.command.CommandError: exit code 1: docker build", "host"),
        ("harness.command.CommandError: exit code 1: /cache/bin/kind create cluster --quiet", "host"),
        ("KubernetesError: Kubernetes API, GET /api/v1/pods: no answer: refused", "cluster"),
        ("KubernetesError: Kubernetes API, GET /api/v1/pods: 503 Service Unavailable", "cluster"),
        ("KubernetesError: Kubernetes API, GET /api/v1/pods: 403 Forbidden", "product"),
        ("WaitTimeoutError: cluster harness-ci: not reached in 240 s; last seen: node a not Ready", "cluster"),
        ("HarnessError: the recording of worker pods ended early: away", "cluster"),
        ("AirflowApiError: Airflow API: GET /dags answered 500: oops", "Airflow"),
        ("AirflowApiError: Airflow API: GET /dags got no answer: timeout", "Airflow"),
        ("AirflowApiError: Airflow API: GET /dags answered 404: no such DAG", "product"),
        ("WaitTimeoutError: Airflow at http://127.0.0.1:8080: not reached in 60 s", "Airflow"),
        ("[XPASS(strict)] Airflow loses the try", "Airflow"),
    ],
)
def test_the_error_tells(line: str, party: str) -> None:
    red = failed_case()
    red.failures = [Failure("call", line, "")]
    found = blame(red, session_of(red))
    assert found is not None
    assert found.party == party
    assert found.reason


def test_what_is_not_red_is_nobody_s() -> None:
    green = case()
    assert blame(green, session_of(green)) is None


def test_the_quoted_source_is_no_evidence() -> None:
    red = failed_case(text="docker.call('rm')")
    found = blame(red, session_of(red))
    assert found is not None
    assert found.party == "product"


def test_a_gap_in_a_test_is_the_cluster_s_unless_the_test_made_it() -> None:
    red = failed_case(start=100)
    session = session_of(red)
    session.gaps = [Gap(at(10), "before", at(20))]
    assert blame(red, session).party == "product"  # type: ignore[union-attr]
    session.gaps.append(Gap(at(110), "the line broke"))
    assert blame(red, session).party == "cluster"  # type: ignore[union-attr]
    red.injections = [Injection("the API server is stopped", at(105), "it is")]
    assert blame(red, session).party == "product"  # type: ignore[union-attr]


def test_interrupted_is_the_host_s_and_a_surprise_is_airflow_s() -> None:
    ended = case(outcomes={"setup": "passed"})
    surprise = case("test_x", is_expected_to_fail=True)
    session = session_of(ended, surprise)
    assert blame(ended, session).party == "host"  # type: ignore[union-attr]
    assert blame(surprise, session).party == "Airflow"  # type: ignore[union-attr]


def test_page_and_numbers_tell_it() -> None:
    session = session_of(failed_case(), case("test_good"))
    assert '<span class="chip" title="nothing points to' in render(session)
    red, green = numbers(session)["tests"]
    assert red["blame"]["party"] == "product"
    assert green["blame"] is None
