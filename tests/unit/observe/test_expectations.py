"""Expectations: each passes what is right and names what is wrong."""

from typing import Any

import pytest

from harness.observe.expectations import Observation
from harness.observe.follower import Gap
from harness.tools.airflow_records import TaskKey

from .samples import at, one_try, pod


def test_one_pod_per_try_passes_tries_and_mapped_tasks() -> None:
    keys = [("work", 1, 0), ("work", 1, 1), ("flaky", 1, -1), ("flaky", 2, -1)]
    Observation([pod(*key) for key in keys], [one_try(*key) for key in keys]).expect_one_pod_per_try()


def test_missing_and_superfluous_pods_are_named() -> None:
    with pytest.raises(AssertionError) as caught:
        Observation([pod("a"), pod("a", name="again")], [one_try("a"), one_try("b", 2)]).expect_one_pod_per_try()
    assert "without a pod: b try 2; pods too many: a try 1" in str(caught.value)
    assert "pod again (a try 1, uid uid-again): Succeeded" in str(caught.value)


def test_shared_uid_is_named() -> None:
    pods = [pod("a", uid="same"), pod("b", uid="same")]
    with pytest.raises(AssertionError, match=r"shared: \['same'\]"):
        Observation(pods, [one_try("a"), one_try("b")]).expect_one_pod_per_try()


def test_hostname_must_be_the_pod_s_name() -> None:
    Observation([pod()], [one_try()]).expect_hostnames()
    with pytest.raises(AssertionError, match="work try 1 says elsewhere, its pod is pod-work--1-1"):
        Observation([pod()], [one_try(hostname="elsewhere")]).expect_hostnames()
    with pytest.raises(AssertionError, match="says nothing, its pod is not there"):
        Observation([], [one_try(hostname="")]).expect_hostnames()


def test_tries_are_counted_by_task_and_map_index() -> None:
    tries = [one_try("a"), one_try("b", 1, 0), one_try("b", 2, 0)]
    Observation([], tries).expect_tries({"a": 1, "b[0]": 2})
    with pytest.raises(AssertionError, match=r"expected: tries \{'a': 1\}\nseen: \{'a': 1, 'b\[0\]': 2\}"):
        Observation([], tries).expect_tries({"a": 1})


def test_the_last_try_must_succeed() -> None:
    Observation([], [one_try(state="failed"), one_try(try_number=2)]).expect_success()
    with pytest.raises(AssertionError, match="'work': 'failed'"):
        Observation([], [one_try(try_number=2, state="failed"), one_try()]).expect_success()
    with pytest.raises(AssertionError, match="no task at all"):
        Observation([], []).expect_success()


def test_retry_delay_allows_for_whole_seconds() -> None:
    tries = [one_try(end=at(8.9)), one_try(try_number=2)]
    Observation([pod(), pod(try_number=2, created=13)], tries).expect_retry_delay("work", delay_s=5)
    with pytest.raises(AssertionError, match=r"(?s)not before .*12:00:13.*made at .*12:00:12"):
        Observation([pod(), pod(try_number=2, created=12)], tries).expect_retry_delay("work", delay_s=5)


def test_retry_delay_needs_a_retry() -> None:
    with pytest.raises(AssertionError, match="a second pod"):
        Observation([pod()], [one_try()]).expect_retry_delay("work", delay_s=5)


def test_retried_within_a_limit() -> None:
    pods = [pod(ended=10), pod(try_number=2, created=70, ended=75)]
    Observation(pods, []).expect_retried_within("work", limit_s=60)
    with pytest.raises(AssertionError, match="it came after 60 s"):
        Observation(pods, []).expect_retried_within("work", limit_s=59)
    with pytest.raises(AssertionError, match="and a second one"):
        Observation(pods[:1], []).expect_retried_within("work", limit_s=60)


def test_force_deleted_pod_ends_with_its_object() -> None:
    first = pod(containers=(), deleted=at(20))
    Observation([first, pod(try_number=2, created=21)], []).expect_retried_within("work", limit_s=2)


def test_bystander_must_run_at_the_fault() -> None:
    victim = pod("victim", ended=5)
    Observation([], [one_try("bystander")]).expect_concurrent("bystander", victim=victim)
    with pytest.raises(AssertionError, match="bystander running when victim try 1 ended"):
        Observation([], [one_try("bystander", end=at(4))]).expect_concurrent("bystander", victim=victim)


def test_untouched_means_first_try_and_the_same_pods() -> None:
    pods, tries = [pod("a"), pod("b")], [one_try("a"), one_try("b", state="failed")]
    Observation(pods, tries).expect_untouched("a", uids={"uid-pod-a--1-1"})
    with pytest.raises(AssertionError, match="b try 1: failed"):
        Observation(pods, tries).expect_untouched(uids={"uid-pod-a--1-1"})
    with pytest.raises(AssertionError, match=r"stay in pods \['other'\]"):
        Observation(pods, tries).expect_untouched("a", uids={"other"})
    with pytest.raises(AssertionError, match="no try at all"):
        Observation(pods, tries).expect_untouched("nobody", uids={"other"})


def test_nothing_left_names_what_runs() -> None:
    Observation([pod()], []).expect_nothing_left()
    running = pod(deleted=None, phases=(pod().phases[0],))
    with pytest.raises(AssertionError, match=r"pod-work--1-1 \(work try 1\): Pending"):
        Observation([running], []).expect_nothing_left()


def test_timeline_is_in_order_from_the_first_event() -> None:
    with pytest.raises(AssertionError) as caught:
        Observation([pod()], [one_try()]).expect_tries({})
    timeline = str(caught.value).split("what happened:\n")[1].splitlines()
    assert timeline[0] == "    0.00 s  pod pod-work--1-1 (work try 1, uid uid-pod-work--1-1): Pending"
    assert timeline[-1] == "   10.00 s  pod pod-work--1-1 (work try 1, uid uid-pod-work--1-1): gone"
    assert "    2.00 s  work try 1: started on pod-work--1-1" in timeline
    assert "exit code 0 Completed" in timeline[-3]


def test_timeline_of_nothing_says_so() -> None:
    with pytest.raises(AssertionError, match="nothing happened"):
        Observation([], []).expect_success()


def test_makespan_is_from_the_first_schedule_to_the_last_end() -> None:
    tries = [one_try("a", scheduled=at(0), start=at(2), end=at(10)), one_try("b", start=at(5), end=at(30))]
    assert Observation([], tries).makespan_s == 30
    assert Observation([], [*tries, one_try("c", end=None)]).makespan_s is None
    Observation([], tries).expect_makespan(quiet_s=20)
    with pytest.raises(AssertionError, match=r"within 1.5 times the quiet 19 s\nseen: 30 s"):
        Observation([], tries).expect_makespan(quiet_s=19)
    with pytest.raises(AssertionError, match="it has no end"):
        Observation([], [one_try("c", end=None)]).expect_makespan(quiet_s=19)


SKIPPED: dict[str, Any] = {"state": "skipped", "hostname": "", "queued": None, "start": None, "end": None}


def resumed(**others: Any) -> Observation:
    """Return what was observed of a try that was handed from pod `first` to pod `then`."""
    pods = [pod(name="first", created=0, ended=4), pod(name="then", created=10, ended=15)]
    given: dict[str, Any] = {"starts": {TaskKey("work", -1, 1): ["first", "then"]}, **others}
    return Observation(given.pop("pods", pods), [given.pop("ti", one_try(hostname="then", end=at(15)))], **given)


def check(observed: Observation, tries: dict[str, int]) -> None:
    observed.expect_tries(tries)
    observed.expect_one_pod_per_try()
    observed.expect_hostnames()
    observed.expect_success()
    observed.expect_nothing_left()


def test_task_without_a_worker_is_a_try_without_a_pod() -> None:
    empty = one_try("start", hostname="", queued=None)
    check(Observation([pod()], [empty, one_try()]), {"start": 1, "work": 1})


def test_skipped_task_is_no_try_and_no_failure() -> None:
    check(Observation([pod()], [one_try(), one_try("other", 0, **SKIPPED)]), {"work": 1})


def test_task_that_skips_itself_is_a_try_with_a_pod() -> None:
    check(Observation([pod()], [one_try(state="skipped")]), {"work": 1})
    with pytest.raises(AssertionError, match="without a pod: work try 1"):
        Observation([], [one_try(state="skipped")]).expect_one_pod_per_try()


def test_mapped_group_of_length_zero_is_no_try() -> None:
    group = [one_try("etl.extract", 0, **SKIPPED), one_try("etl.load", 0, **SKIPPED)]
    check(Observation([pod("names")], [one_try("names"), *group]), {"names": 1})


def test_upstream_failed_is_a_failure_without_a_try() -> None:
    below = one_try("below", 0, **{**SKIPPED, "state": "upstream_failed"})
    observed = Observation([pod()], [one_try(), below])
    observed.expect_one_pod_per_try()
    with pytest.raises(AssertionError, match="'below': 'upstream_failed'"):
        observed.expect_success()
    with pytest.raises(AssertionError, match="below try 0: upstream_failed"):
        observed.expect_untouched(uids={"uid-pod-work--1-1"})


def test_teardown_that_failed_is_a_failure() -> None:
    tries = [one_try("set_up"), one_try("work"), one_try("tear_down", state="failed")]
    with pytest.raises(AssertionError, match="'tear_down': 'failed'"):
        Observation([], tries).expect_success()


def test_rescheduled_or_deferred_try_has_a_pod_each_time() -> None:
    check(resumed(), {"work": 1})


def test_second_pod_without_a_start_is_too_many() -> None:
    with pytest.raises(AssertionError, match="pods too many: work try 1"):
        resumed(starts={}).expect_one_pod_per_try()
    with pytest.raises(AssertionError, match="pods too many: work try 1"):
        resumed(starts={TaskKey("work", -1, 1): ["then"]}).expect_one_pod_per_try()


def test_start_whose_pod_nobody_saw_is_a_pod_too_few() -> None:
    starts = {TaskKey("work", -1, 1): ["first", "unseen", "then"]}
    with pytest.raises(AssertionError, match="without a pod: work try 1"):
        resumed(starts=starts).expect_one_pod_per_try()


def test_resumed_try_must_name_each_of_its_pods() -> None:
    with pytest.raises(AssertionError, match="work try 1 says other, then, its pod is first, then"):
        resumed(starts={TaskKey("work", -1, 1): ["other", "then"]}).expect_hostnames()
    with pytest.raises(AssertionError, match="says first, elsewhere, its pod is first, then"):
        resumed(ti=one_try(hostname="elsewhere")).expect_hostnames()


def test_resumed_try_may_begin_while_the_pod_before_exits() -> None:
    pods = [pod(name="first", created=0, ended=13), pod(name="then", created=10, ended=15)]
    check(resumed(pods=pods), {"work": 1})


def test_two_pods_at_work_on_a_resumed_try_are_named() -> None:
    pods = [pod(name="first", created=0, ended=24), pod(name="then", created=10, ended=30)]
    with pytest.raises(AssertionError, match=r"a second one: then \(work try 1\)"):
        resumed(pods=pods).expect_one_pod_per_try()


def test_story_tells_when_airflow_was_away() -> None:
    outages = [Gap(at(-60), "before the run", at(-50)), Gap(at(5), "connection refused", at(7)), Gap(at(9), "again")]
    timeline = Observation([pod()], [one_try()], outages=outages).timeline.splitlines()
    assert "    5.00 s  Airflow is away: connection refused" in timeline
    assert "    7.00 s  Airflow is back" in timeline
    assert "    9.00 s  Airflow is away: again" in timeline
    assert not [line for line in timeline if "before the run" in line]
