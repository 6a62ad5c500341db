"""The numbers: counted from what was seen, and nothing made up."""

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.faults.injection import Injection
from harness.observe.follower import Gap
from harness.observe.recorder import Mark
from harness.report.fault_cases import list_fault_cases, list_recoveries, sum_fault_cases
from harness.report.numbers import collect_numbers, count_totals, count_verdicts
from harness.report.records import PodRecord
from harness.report.spread import compute_spread

from ..observe.samples import at
from .samples import case, failed_case, run_of, session_of


def test_verdicts_are_counted_worst_first() -> None:
    session = session_of(case("a"), failed_case("b"), case("c"))
    assert list(count_verdicts(session).items()) == [("failed", 1), ("passed", 2)]


def test_totals_of_a_clean_run() -> None:
    session = session_of(case(), runs=(run_of("a", pods=3, retry=True), run_of("b")))
    assert count_totals(session) == {
        "tests": 1,
        "runs": 2,
        "tries": 5,
        "retries": 1,
        "pods": 5,
        "faults": 0,
        "duplicates": 0,
        "leaks": 0,
    }


def test_second_pod_on_a_try_is_a_duplicate_a_late_one_a_leak() -> None:
    run = run_of("a", pods=2)
    again = replace(run.pods[0].pod, uid="again", deleted=None, phases=run.pods[0].pod.phases[:2])
    run.pods.append(PodRecord(again))
    count = count_totals(session_of(case(), runs=(run,)))
    assert (count["pods"], count["duplicates"], count["leaks"]) == (3, 1, 1)


def test_recovery_is_from_the_pod_s_end_to_the_retry_s_start() -> None:
    # The first pod ends at 9 s, the second try is running 4.5 s after its begin at 20 s.
    assert list_recoveries(session_of(case(), runs=(run_of("a", retry=True),))) == [15.5]
    assert list_recoveries(session_of(case(), runs=(run_of("a", pods=3),))) == []


@pytest.mark.parametrize(
    ("values", "p50", "p95"),
    [([1.0], 1.0, 1.0), ([4.0, 1.0, 3.0, 2.0], 2.0, 4.0), ([float(n) for n in range(1, 101)], 50.0, 95.0)],
)
def test_spread_is_by_nearest_rank(values: list[float], p50: float, p95: float) -> None:
    assert compute_spread(values) == {"count": len(values), "p50": p50, "p95": p95, "max": max(values)}


def test_nothing_has_no_spread() -> None:
    assert compute_spread([]) is None


def test_faults_are_told_with_what_came_of_them() -> None:
    first, second = case("test_a"), case("test_b", start=100)
    first.injections = [Injection("killed it", at(5), "exit code 9")]
    second.injections = [
        Injection("stopped it", at(101), "no answer", recovered=at(104)),
        Injection("again", at(102), "no answer", recovered=at(109)),
    ]
    known = case("test_c", is_expected_to_fail=True, outcomes={"call": "skipped"})
    known.injections = [Injection("killed it, too", at(5), "exit code 9")]
    silent = failed_case("test_d")
    silent.injections = [Injection("nothing happened", at(5))]
    session = session_of(first, second, known, silent, case("test_e"), runs=(run_of("a", retry=True),))

    a, b, c, d = list_fault_cases(session)
    assert (a["title"], a["verdict"], a["acted"], a["survived"], a["recovery_s"]) == ("a", "passed", True, True, 15.5)
    assert a["faults"] == [{"fault": "killed it", "injected": at(5).isoformat(), "proof": "exit code 9"}]
    assert (b["recovery_s"], len(b["faults"])) == (7.0, 2)
    assert (c["verdict"], c["acted"], c["survived"], c["recovery_s"]) == ("xfailed", True, False, None)
    assert (d["acted"], d["survived"]) == (False, False)
    assert sum_fault_cases(list_fault_cases(session)) == {
        "injected": 4,
        "acted": 3,
        "survived": 2,
        "expected_failures": 1,
        "recovery_s": {"count": 2, "p50": 7.0, "p95": 15.5, "max": 15.5},
        "duplicates": 0,
        "leaks": 0,
    }


def test_all_of_it_is_json() -> None:
    session = session_of(
        failed_case("b", properties=[("bytes", 7)], evidence=["../e"]),
        runs=(run_of("a", retry=True),),
        marks=(Mark(at(5), "killed it"), Mark(at(200), "later")),
    )
    session.gaps = [Gap(at(1), "reset", at(2), has_list=True)]
    seen: dict[str, Any] = json.loads(json.dumps(collect_numbers(session)))
    assert seen["environment"] == {"name": "dev", "Kubernetes": "v1.37.2"}
    assert seen["recovery_s"]["p50"] == 15.5
    (test,) = seen["tests"]
    assert (test["verdict"], test["marks"], test["properties"]) == ("failed", ["killed it"], {"bytes": "7"})
    assert test["failures"] == [{"phase": "call", "line": "assert 1 == 2"}]
    first, again = seen["runs"][0]["tries"]
    assert (first["try_number"], first["state"], first["exit_code"]) == (1, "up_for_retry", 9)
    assert again["moments"]["running"] == "2026-11-22T12:00:24.500000+00:00"
    assert again["phases_s"]["runs"] == 4.0
    assert (seen["faults"]["injected"], seen["faults"]["cases"]) == (0, [])
    assert seen["gaps"][0]["has_list"] is True


def test_session_of_nothing_has_numbers_too() -> None:
    seen = collect_numbers(session_of())
    assert (seen["verdicts"], seen["recovery_s"], seen["tests"]) == ({}, None, [])
