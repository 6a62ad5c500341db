"""When a cluster is ready, and what is said while it is not."""

from pathlib import Path
from typing import Any

import pytest

from harness.cluster import Cluster
from harness.images.context import package_folder
from harness.pins import load_pins
from harness.tools.k8s import Kubernetes
from harness.tools.kind import Kind
from harness.waiting import WaitTimeoutError

from .fakes.clock import FakeTime
from .fakes.command import FakeCommands
from .fakes.kubernetes import FakeApiServer, Response
from .samples import DOCKER, IMAGES, settings_of

NODE = "harness-dev-control-plane"
RESOLVE = ("docker", "exec", "-i", NODE, "bash", "-s", "10.96.0.10", "kubernetes.default.svc.cluster.local")


def conditions(state: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": state}]}


@pytest.fixture
def server() -> FakeApiServer:
    fake = FakeApiServer()
    fake.put("nodes", {"metadata": {"name": NODE}, "status": conditions("True")})
    fake.put("pods", {"metadata": {"name": "coredns", "namespace": "kube-system"}, "status": conditions("True")})
    return fake


@pytest.fixture
def cluster(kubernetes: Kubernetes, time: FakeTime, tmp_path: Path) -> Cluster:
    settings, kind = settings_of(tmp_path), Kind(Path("kind"))
    return Cluster(settings, DOCKER, kind, load_pins(), IMAGES, None, lambda: kubernetes, time.clock)


def test_ready_is_nodes_system_pods_and_dns(cluster: Cluster, commands: FakeCommands) -> None:
    commands.on(*RESOLVE)
    assert cluster.list_problems() == []
    assert commands.calls[0].stdin == (package_folder("scripts") / "resolve").read_bytes()


def test_dns_without_an_answer_is_not_ready(cluster: Cluster, commands: FakeCommands) -> None:
    commands.on(*RESOLVE, returncode=1)
    assert cluster.list_problems() == ["cluster DNS does not answer"]


def test_everything_that_is_not_ready_is_named(cluster: Cluster, server: FakeApiServer) -> None:
    server.put("nodes", {"metadata": {"name": NODE}, "status": conditions("Unknown")})
    server.put("pods", {"metadata": {"name": "provisioner", "namespace": "local-path-storage"}, "status": {}})
    assert cluster.list_problems() == [f"node {NODE} not Ready", "pod provisioner not ready"]


def test_empty_cluster_is_not_ready(cluster: Cluster, server: FakeApiServer, commands: FakeCommands) -> None:
    server.objects.clear()
    commands.on(*RESOLVE, returncode=1)
    assert cluster.list_problems() == ["0 of 1 nodes joined", "no system pods", "cluster DNS does not answer"]


def test_pod_of_another_namespace_does_not_count(
    cluster: Cluster, server: FakeApiServer, commands: FakeCommands
) -> None:
    commands.on(*RESOLVE)
    server.put("pods", {"metadata": {"name": "work", "namespace": "tools"}, "status": {}})
    assert cluster.list_problems() == []


def test_api_that_does_not_answer_yet_is_waited_for(
    cluster: Cluster, server: FakeApiServer, commands: FakeCommands, time: FakeTime
) -> None:
    commands.on(*RESOLVE)
    server.refusals = [OSError("connection refused"), Response(503, b"starting")]
    said: list[str] = []
    cluster.wait_until_ready(said.append)
    assert time.seconds == 1
    assert "no answer" in said[0]
    assert "503" in said[1]


def test_time_out_names_what_is_missing_and_what_to_do(cluster: Cluster, server: FakeApiServer, time: FakeTime) -> None:
    server.put("nodes", {"metadata": {"name": NODE}, "status": conditions("False")})
    server.put("pods", {"metadata": {"name": "coredns", "namespace": "kube-system"}, "status": conditions("False")})
    with pytest.raises(WaitTimeoutError, match=f"cluster harness-dev: .*node {NODE} not Ready, pod coredns") as caught:
        cluster.wait_until_ready(str)
    assert "harness kubectl -- get pods -A" in caught.value.next_step
    assert caught.value.party == "cluster"
    assert time.seconds <= 240
