"""What keeps the unit tests apart from this machine: its settings, its processes and its time."""

import os
import subprocess

import hypothesis
import pytest

from harness import redact
from harness.tools.k8s import Kubernetes

from .fakes.clock import FakeTime
from .fakes.command import FakeCommands
from .fakes.kubernetes import FakeApiServer

# The same examples each time: a test that fails now and then tells nobody what to do.
hypothesis.settings.register_profile(
    "harness",
    derandomize=True,
    deadline=None,
    # Our fixtures hold for a whole test, and each example may go on with what the one before it has left. How fast
    # examples are made is this machine's matter.
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
# At night other examples each time: what fails is printed, with how to have it again.
hypothesis.settings.register_profile(
    "night", hypothesis.settings.get_profile("harness"), derandomize=False, print_blob=True
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "harness"))


@pytest.fixture(autouse=True)
def _apart_from_this_machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # A forgotten fake must not install an engine or start a cluster.
    if not request.node.get_closest_marker("processes"):
        monkeypatch.setattr(subprocess, "Popen", FakeCommands().popen)
    for name in os.environ:
        if name.startswith(("HARNESS_", "DOCKER_")) or name == "CI":
            monkeypatch.delenv(name)
    monkeypatch.setattr(redact, "_known", set())


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> FakeCommands:
    """Return what answers every command that the test starts."""
    fake = FakeCommands()
    monkeypatch.setattr(subprocess, "Popen", fake.popen)
    return fake


@pytest.fixture
def time() -> FakeTime:
    """Return a time whose clock a test gives to what waits."""
    return FakeTime()


@pytest.fixture
def server() -> FakeApiServer:
    """Return what answers the Kubernetes client."""
    return FakeApiServer()


@pytest.fixture
def kubernetes(server: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
    """Return a real client of the fake server."""
    return server.client(monkeypatch)
