"""Engines as people have them: what each is called, what is wrong with it, and what to do."""

import json
import os
from types import SimpleNamespace

import pytest

from harness.doctor import _engine
from harness.errors import Verb, put_in_words
from harness.tools.engine import Engine, NoEngine

from ..engines import ENGINES, SILENT, Recorded, linux
from ..fakes.command import FakeCommands
from ..fakes.host import FakeHost
from ..samples import DOCKER, INFO

INSPECT = ("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")


@pytest.fixture(autouse=True)
def _on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(sysname="Linux", nodename="laptop"))


def ask(commands: FakeCommands, engine: Recorded) -> Engine:
    context = engine.answer.get("ClientInfo", {}).get("Context", "default")
    commands.on("docker", *INFO, stdout=json.dumps(engine.answer))
    commands.on(*INSPECT, context, stdout=engine.endpoint)
    found = DOCKER.look()
    assert isinstance(found, Engine)
    return found


@pytest.mark.parametrize("name", ENGINES)
def test_engine_is_called_by_its_name_and_told_what_it_lacks(commands: FakeCommands, name: str) -> None:
    recorded = ENGINES[name]
    found = ask(commands, recorded)
    check = _engine(found, FakeHost())
    assert (found.kind, found.is_on_this_host) == (recorded.kind, recorded.is_on_this_host)
    assert found.has_containerd_store is recorded.has_containerd_store
    assert ("of containerd" in check.seen) is recorded.has_containerd_store
    assert check.seen.startswith(f"{recorded.kind} {recorded.answer['ServerVersion']} on ")
    assert check.verdict == recorded.verdict
    assert recorded.why in check.seen
    cure = put_in_words(check.cure, "harness")
    assert recorded.cure in cure
    assert bool(cure) is (recorded.verdict != "ok")


@pytest.mark.parametrize("name", SILENT)
def test_doctor_says_why_no_engine_answers(commands: FakeCommands, name: str) -> None:
    silent = SILENT[name]
    commands.on("docker", *INFO, **silent.answer)
    check = _engine(DOCKER.look(), FakeHost(is_root=False))
    assert check.verdict == "problem"
    assert silent.words in check.seen
    assert silent.cure in put_in_words(check.cure, "harness")


@pytest.mark.parametrize(
    ("host", "verdict", "cure"),
    [
        (FakeHost(), "warning", Verb("up", "installs and starts it")),
        (FakeHost(is_debian_like=False), "warning", "sudo systemctl start docker, then run this again"),
        (FakeHost(is_root=False), "problem", "sudo systemctl start docker, then run this again"),
        (FakeHost(is_linux=False), "problem", "start Docker Desktop, then run this again"),
    ],
)
def test_engine_that_stands_still_is_started_by_whom_it_is_up_to(host: FakeHost, verdict: str, cure: object) -> None:
    check = _engine(NoEngine("Cannot connect to the Docker daemon"), host)
    assert (check.verdict, check.cure) == (verdict, cure)


@pytest.mark.parametrize("is_root", [True, False])
def test_doctor_does_not_call_a_slow_engine_absent(commands: FakeCommands, *, is_root: bool) -> None:
    commands.on("docker", *INFO, late=True)
    check = _engine(DOCKER.look(), FakeHost(is_root=is_root))
    assert (check.verdict, check.seen) == ("problem", "the container engine does not answer within 20 s")
    assert check.cure == "wait until it is less busy; restart it yourself if it hangs"


@pytest.mark.parametrize(("name", "verdict"), [("docker-desktop", "problem"), ("server", "problem"), ("laptop", "ok")])
def test_socket_that_is_mounted_into_a_container_is_refused(commands: FakeCommands, name: str, verdict: str) -> None:
    # As of https://github.com/devcontainers/features/issues/919; a name like ours is that of an engine in here, or of
    # a container with the host's network, whose 127.0.0.1 is the host's.
    found = ask(commands, Recorded("", linux(ServerVersion="29.0.0", Name=name), "Docker"))
    check = _engine(found, FakeHost(is_container=True))
    assert check.verdict == verdict
    assert ("docker-in-docker" in put_in_words(check.cure, "harness")) is (verdict == "problem")
    assert _engine(found, FakeHost()).verdict == "ok"


@pytest.mark.parametrize(
    ("endpoint", "is_elsewhere"),
    [
        ("tcp://127.0.0.1:2375", False),
        ("tcp://localhost:2375", False),
        ("tcp://docker:2376", True),
        ("ssh://me@10.0.0.1", True),
        ("unix:///var/run/docker.sock", False),
        ("npipe:////./pipe/docker_engine", False),
        ("", False),
    ],
)
def test_engine_by_the_network_is_on_another_machine(
    commands: FakeCommands, endpoint: str, *, is_elsewhere: bool
) -> None:
    answer = linux(ServerVersion="29.0.0", ClientInfo={"Context": "work"})
    assert ask(commands, Recorded("", answer, "Docker", endpoint=endpoint)).is_on_another_machine is is_elsewhere


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"stdout": "null"}, "`docker info` says nothing of one"),
        ({"stdout": "[]", "stderr": "one\ntwo\n"}, "two"),
        ({"stdout": "not JSON", "returncode": 1, "stderr": "Error: no such template"}, "Error: no such template"),
        ({"stdout": '{"ServerVersion": null, "ClientInfo": null}'}, "`docker info` says nothing of one"),
        ({"missing": True}, "No such file or directory"),
    ],
)
def test_answer_that_is_none_is_no_engine(commands: FakeCommands, answer: dict[str, object], reason: str) -> None:
    commands.on("docker", *INFO, **answer)
    found = DOCKER.look()
    assert isinstance(found, NoEngine)
    assert reason in found.reason


def test_engine_whose_context_cannot_be_read_is_an_engine(commands: FakeCommands) -> None:
    commands.on("docker", *INFO, stdout='{"ServerVersion": "29.0.0", "ClientInfo": {"Context": "gone"}}')
    commands.on(*INSPECT, "gone", returncode=1, stderr="context not found")
    found = DOCKER.look()
    assert isinstance(found, Engine)
    assert (found.endpoint, found.cores, found.os_type) == ("", 0, "linux")
