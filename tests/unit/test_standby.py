"""Stop, start, pause and resume: what happens to the nodes, what is waited for, and what is refused meanwhile."""

from pathlib import Path

import pytest

from harness.environment import Environment
from harness.errors import UsageError, Verb
from harness.status import Row, read_status
from harness.waiting import WaitTimeoutError

from .fakes.kubernetes import Response
from .fakes.machine import FakeMachine, make_machine
from .fakes.reporter import FakeReporter

NODE = "harness-dev-control-plane"
GATE = "harness-dev-gate"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    """Return a machine with a healthy environment whose changes from now on are noted."""
    made = make_machine(tmp_path, monkeypatch)
    monkeypatch.setattr("subprocess.Popen", made.popen)
    made.environment().up(FakeReporter())
    made.changes.clear()
    return made


@pytest.fixture
def environment(machine: FakeMachine) -> Environment:
    return machine.environment()


def turn(machine: FakeMachine, state: str) -> None:
    machine.containers[NODE] = (state, machine.containers[NODE][1])


def put_pod(machine: FakeMachine, began: str, phase: str = "Running") -> None:
    status = {"phase": phase, "containerStatuses": [{"state": {"running": {"startedAt": began}}}]}
    machine.server.put(
        "pods", {"metadata": {"name": "a", "namespace": "x"}, "spec": {"nodeName": NODE}, "status": status}
    )


def test_stop_ends_gate_and_nodes_and_again_nothing(machine: FakeMachine, environment: Environment) -> None:
    gates = [name for name in machine.containers if name.startswith(GATE)]
    environment.stop(FakeReporter())
    assert machine.changes == [*(f"docker rm {gate}" for gate in gates), f"exited {NODE}"]
    machine.changes.clear()
    environment.stop(FakeReporter())
    assert machine.changes == []


def test_stop_of_a_paused_environment_lets_it_end_itself(machine: FakeMachine, environment: Environment) -> None:
    turn(machine, "paused")
    environment.stop(FakeReporter())
    assert machine.changes[-2:] == [f"running {NODE}", f"exited {NODE}"]


@pytest.mark.parametrize("state", ["exited", "created", "dead", "paused"])
def test_start_brings_the_nodes_back_and_changes_no_more(
    machine: FakeMachine, environment: Environment, state: str
) -> None:
    turn(machine, state)
    environment.start(FakeReporter())
    assert machine.changes == [f"running {NODE}"]


def test_start_waits_for_pods_begun_since_the_node(machine: FakeMachine, environment: Environment) -> None:
    turn(machine, "exited")
    put_pod(machine, "2026-11-22T11:59:59Z")
    with pytest.raises(WaitTimeoutError, match="last seen: 1 to go: a"):
        environment.start(FakeReporter())
    put_pod(machine, "2026-11-22T12:00:00Z")
    environment.start(FakeReporter())
    put_pod(machine, "2026-11-22T11:59:59Z", phase="Failed")
    environment.start(FakeReporter())


def test_start_waits_while_the_api_is_away(machine: FakeMachine, environment: Environment) -> None:
    machine.server.refusals = [Response(503, b"starting"), Response(503, b"starting")]
    reporter = FakeReporter()
    environment.start(reporter)
    assert any("503" in text for text in reporter.texts)


def test_pause_and_resume_touch_the_nodes_alone(machine: FakeMachine, environment: Environment) -> None:
    for act in (environment.pause, environment.pause, environment.resume, environment.resume):
        act(FakeReporter())
    assert machine.changes == [f"paused {NODE}", f"running {NODE}"]


def test_interrupted_pause_is_finished_by_another(machine: FakeMachine, environment: Environment) -> None:
    worker = "harness-dev-worker"
    machine.containers[worker] = ("running", machine.containers[NODE][1])
    turn(machine, "paused")
    environment.pause(FakeReporter())
    assert machine.changes == [f"paused {worker}"]


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_what_is_stopped_is_started_and_not_resumed(machine: FakeMachine, environment: Environment, verb: str) -> None:
    turn(machine, "exited")
    with pytest.raises(UsageError, match="`dev` is stopped") as caught:
        getattr(environment, verb)(FakeReporter())
    assert caught.value.advice == Verb("start")
    assert machine.changes == []


@pytest.mark.parametrize(("state", "word", "verb"), [("exited", "stopped", "start"), ("paused", "paused", "resume")])
def test_others_say_how_it_comes_back_and_status_tells(
    machine: FakeMachine, environment: Environment, state: str, word: str, verb: str
) -> None:
    turn(machine, state)
    with pytest.raises(UsageError, match=f"environment `dev` is {word}") as caught:
        environment.check_runs()
    assert caught.value.advice == Verb(verb)
    assert read_status(environment) == [Row("cluster", word, NODE, is_good=False, advice=Verb(verb, "brings it back"))]


def test_up_wakes_what_is_paused(machine: FakeMachine, environment: Environment) -> None:
    turn(machine, "paused")
    environment.up(FakeReporter())
    assert f"running {NODE}" in machine.changes
