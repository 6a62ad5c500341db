"""kind: its exact commands."""

from pathlib import Path

import pytest
import yaml

from harness.command import CommandError
from harness.tools.kind import Kind, KindError

from ..fakes.command import FakeCommands

KIND = Kind(Path("/bin/kind"), {"PATH": "/x"})
CREATE = ("/bin/kind", "create", "cluster", "--config=-", "--kubeconfig=/k")


def test_create_gives_its_configuration_by_stdin_names_network(commands: FakeCommands) -> None:
    commands.on(*CREATE)
    config = {"kind": "Cluster", "name": "harness-dev", "nodes": [{"role": "control-plane"}]}
    KIND.create(config, kubeconfig=Path("/k"), network="harness-dev", say=str)
    (call,) = commands.calls
    assert yaml.safe_load(call.stdin) == config
    assert call.env["KIND_EXPERIMENTAL_DOCKER_NETWORK"] == "harness-dev"
    assert call.env["PATH"] == "/x"


KIND_SAYS = """Creating cluster "harness-dev" ...
 • Ensuring node image (kindest/node@sha256:1) 🖼  ...
 ✓ Ensuring node image (kindest/node@sha256:1) 🖼
 • Preparing nodes 📦   ...
 ✓ Preparing nodes 📦
 • Starting control-plane 🕹️  ...
"""


def test_create_tells_which_of_kind_s_steps_runs(commands: FakeCommands) -> None:
    said: list[str] = []
    commands.on(*CREATE, stderr=KIND_SAYS)
    KIND.create({}, kubeconfig=Path("/k"), network="n", say=said.append)
    assert said == [
        "0 of 6 steps of kind: Ensuring node image (kindest/node@sha256:1)",
        "1 of 6 steps of kind: Preparing nodes",
        "2 of 6 steps of kind: Starting control-plane",
    ]


def test_create_that_fails_tells_why(commands: FakeCommands) -> None:
    commands.on(*CREATE, returncode=1, stderr="ERROR: failed to create cluster")
    with pytest.raises(CommandError, match="failed to create cluster"):
        KIND.create({}, kubeconfig=Path("/k"), network="n", say=str)


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        ('could not find a log line that matches "Reached target .*Multi-User System.*"', "harness doctor"),
        ("Failed to allocate manager object: Too many open files", "limits of inotify"),
        ("Bind for 127.0.0.1:8080 failed: port is already allocated", "HARNESS_PORT"),
        ("timed out waiting for the condition", "give the engine more memory"),
        ("failed to pull image: dial tcp: lookup mirror.test: no such host", "see that this network leads there"),
        ("something else", "`harness doctor` looks at this machine"),
    ],
)
def test_reason_of_kind_comes_with_its_next_step(commands: FakeCommands, error: str, cure: str) -> None:
    commands.on(*CREATE, returncode=1, stderr=f"{KIND_SAYS} ✗ Starting control-plane\nERROR: {error}\n")
    with pytest.raises(KindError) as caught:
        KIND.create({}, kubeconfig=Path("/k"), network="n", say=str)
    assert error in str(caught.value)
    assert cure in caught.value.next_step
    assert "`harness up` begins the cluster anew" in caught.value.next_step
    assert caught.value.party == "host"
