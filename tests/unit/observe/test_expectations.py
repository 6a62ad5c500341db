"""Expectations: each passes what is right and names what is wrong."""

import pytest

from harness.observe import expectations as expect

from .samples import at, one_try, pod


def test_one_pod_per_try_passes_tries_and_mapped_tasks() -> None:
    keys = [("work", 1, 0), ("work", 1, 1), ("flaky", 1, -1), ("flaky", 2, -1)]
    expect.expect_one_pod_per_try([pod(*key) for key in keys], [one_try(*key) for key in keys])


def test_missing_and_superfluous_pods_are_named() -> None:
    with pytest.raises(AssertionError) as caught:
        expect.expect_one_pod_per_try([pod("a"), pod("a", name="again")], [one_try("a"), one_try("b", 2)])
    assert "without a pod: b try 2; pods too many: a try 1" in str(caught.value)
    assert "pod again (a try 1, uid uid-again): Succeeded" in str(caught.value)


def test_shared_uid_is_named() -> None:
    pods = [pod("a", uid="same"), pod("b", uid="same")]
    with pytest.raises(AssertionError, match=r"shared: \['same'\]"):
        expect.expect_one_pod_per_try(pods, [one_try("a"), one_try("b")])


def test_hostname_must_be_the_pod_s_name() -> None:
    expect.expect_hostnames([pod()], [one_try()])
    with pytest.raises(AssertionError, match="work try 1 says elsewhere, its pod is pod-work--1-1"):
        expect.expect_hostnames([pod()], [one_try(hostname="elsewhere")])
    with pytest.raises(AssertionError, match="says nothing, its pod is not there"):
        expect.expect_hostnames([], [one_try(hostname="")])


def test_tries_are_counted_by_task_and_map_index() -> None:
    tries = [one_try("a"), one_try("b", 1, 0), one_try("b", 2, 0)]
    expect.expect_tries(tries, {"a": 1, "b[0]": 2})
    with pytest.raises(AssertionError, match=r"expected: tries \{'a': 1\}\nseen: \{'a': 1, 'b\[0\]': 2\}"):
        expect.expect_tries(tries, {"a": 1})


def test_the_last_try_must_succeed() -> None:
    expect.expect_all_succeeded([one_try(state="failed"), one_try(try_number=2)])
    with pytest.raises(AssertionError, match="'work': 'failed'"):
        expect.expect_all_succeeded([one_try(try_number=2, state="failed"), one_try()])
    with pytest.raises(AssertionError, match="no task at all"):
        expect.expect_all_succeeded([])


def test_retry_delay_allows_for_whole_seconds() -> None:
    tries = [one_try(end=at(8.9)), one_try(try_number=2)]
    expect.expect_retry_delay([pod(), pod(try_number=2, created=13)], tries, task_id="work", delay_s=5)
    with pytest.raises(AssertionError, match=r"(?s)not before .*12:00:13.*made at .*12:00:12"):
        expect.expect_retry_delay([pod(), pod(try_number=2, created=12)], tries, task_id="work", delay_s=5)


def test_retry_delay_needs_a_retry() -> None:
    with pytest.raises(AssertionError, match="a second pod"):
        expect.expect_retry_delay([pod()], [one_try()], task_id="work", delay_s=5)


def test_retried_within_a_limit() -> None:
    pods = [pod(ended=10), pod(try_number=2, created=70, ended=75)]
    expect.expect_retried_within(pods, [], task_id="work", limit_s=60)
    with pytest.raises(AssertionError, match="it came after 60 s"):
        expect.expect_retried_within(pods, [], task_id="work", limit_s=59)
    with pytest.raises(AssertionError, match="and a second one"):
        expect.expect_retried_within(pods[:1], [], task_id="work", limit_s=60)


def test_force_deleted_pod_ends_with_its_object() -> None:
    first = pod(containers=(), deleted=at(20))
    expect.expect_retried_within([first, pod(try_number=2, created=21)], [], task_id="work", limit_s=2)


def test_witness_must_run_at_the_fault() -> None:
    victim = pod("victim", ended=5)
    expect.expect_witness([], [], witness=one_try("bystander"), victim=victim)
    with pytest.raises(AssertionError, match="bystander running when victim try 1 ended"):
        expect.expect_witness([], [], witness=one_try("bystander", end=at(4)), victim=victim)


def test_untouched_means_first_try_and_the_same_pods() -> None:
    pods, tries = [pod("a"), pod("b")], [one_try("a"), one_try("b", state="failed")]
    expect.expect_untouched(pods, tries, uids={"uid-pod-a--1-1"}, task_id="a")
    with pytest.raises(AssertionError, match="b try 1: failed"):
        expect.expect_untouched(pods, tries, uids={"uid-pod-a--1-1"})
    with pytest.raises(AssertionError, match=r"stay in pods \['other'\]"):
        expect.expect_untouched(pods, tries, uids={"other"}, task_id="a")
    with pytest.raises(AssertionError, match="no try at all"):
        expect.expect_untouched(pods, tries, uids={"other"}, task_id="nobody")


def test_nothing_left_names_what_runs() -> None:
    expect.expect_nothing_left([pod()])
    running = pod(deleted=None, phases=(pod().phases[0],))
    with pytest.raises(AssertionError, match=r"pod-work--1-1 \(work try 1\): Pending"):
        expect.expect_nothing_left([running])


def test_timeline_is_in_order_from_the_first_event() -> None:
    with pytest.raises(AssertionError) as caught:
        expect.expect_tries([one_try()], {}, [pod()])
    story = str(caught.value).split("what happened:\n")[1].splitlines()
    assert story[0] == "    0.00 s  pod pod-work--1-1 (work try 1, uid uid-pod-work--1-1): Pending"
    assert story[-1] == "   10.00 s  pod pod-work--1-1 (work try 1, uid uid-pod-work--1-1): gone"
    assert "    2.00 s  work try 1: started on pod-work--1-1" in story
    assert "exit code 0 Completed" in story[-3]


def test_timeline_of_nothing_says_so() -> None:
    with pytest.raises(AssertionError, match="nothing happened"):
        expect.expect_all_succeeded([])


def test_makespan_is_from_the_first_schedule_to_the_last_end() -> None:
    tries = [one_try("a", scheduled=at(0), start=at(2), end=at(10)), one_try("b", start=at(5), end=at(30))]
    assert expect.makespan_s(tries) == 30
    assert expect.makespan_s([*tries, one_try("c", end=None)]) is None
    expect.expect_makespan([], tries, quiet_s=20)
    with pytest.raises(AssertionError, match=r"within 1.5 times the quiet 19 s\nseen: 30 s"):
        expect.expect_makespan([], tries, quiet_s=19)
    with pytest.raises(AssertionError, match="it has no end"):
        expect.expect_makespan([], [one_try("c", end=None)], quiet_s=19)
