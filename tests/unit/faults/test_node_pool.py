"""A pool of nodes: label and taint come and go, and those of others stay."""

from typing import Any

import pytest

from harness.faults.injection import FaultError
from harness.faults.node_pool import (
    Pool,
    add_to_pool,
    cordon_node,
    find_spare_worker,
    list_components_on,
    move_components_away,
)
from harness.tools import Json

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer

POOL = Pool("pool", "faults")
OTHER = {"key": "other", "effect": "NoExecute"}


def node(name: str, **labels: str) -> Json:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"taints": [OTHER]}}


def test_node_is_labelled_and_tainted_for_the_block_alone(server: FakeApiServer, kubernetes: Any) -> None:
    server.put("nodes", node("a", zone="x"))
    with add_to_pool(kubernetes, "a", POOL) as name:
        found = server.objects["nodes", "", name]
        assert found["metadata"]["labels"] == {"zone": "x", "pool": "faults"}
        assert found["spec"]["taints"] == [OTHER, POOL.taint]
    found = server.objects["nodes", "", "a"]
    assert found["metadata"]["labels"] == {"zone": "x"}
    assert found["spec"]["taints"] == [OTHER]


def test_node_is_cordoned_for_the_block_alone(server: FakeApiServer, kubernetes: Any) -> None:
    server.put("nodes", node("a"))
    with cordon_node(kubernetes, "a"):
        assert server.objects["nodes", "", "a"]["spec"]["unschedulable"] is True
    assert "unschedulable" not in server.objects["nodes", "", "a"]["spec"]


def volume(node_name: str) -> Json:
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "values": [node_name]}]}]
    return {"metadata": {"name": "v"}, "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}}


def test_worker_with_the_database_cannot_be_spared(server: FakeApiServer, kubernetes: Any) -> None:
    server.put("nodes", node("control", **{"node-role.kubernetes.io/control-plane": ""}))
    server.put("nodes", node("worker"))
    server.put("persistentvolumes", volume("worker"))
    with pytest.raises(FaultError, match="no worker node can be spared"):
        find_spare_worker(kubernetes)
    server.put("nodes", node("worker2"))
    assert find_spare_worker(kubernetes) == "worker2"


def test_components_move_and_workers_stay(server: FakeApiServer, kubernetes: Any) -> None:
    for name, labels in (("component", {}), ("worker", {"kubernetes_executor": "True"})):
        metadata = {"name": name, "namespace": "tools", "labels": labels}
        server.put("pods", {"metadata": metadata, "spec": {"nodeName": "a"}, "status": {"phase": "Running"}})
    move_components_away(kubernetes, "a", "tools", lambda: True, clock=FakeTime().clock)
    assert list_components_on(kubernetes, "a", "tools") == []
    assert [name for plural, _, name in server.objects if plural == "pods"] == ["worker"]
