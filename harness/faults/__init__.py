"""Faults that prove that they acted, each a context manager to give to the fixture `fault`; and what they need."""

from harness.faults.components import delete_component, list_component_pods, scale_to_zero
from harness.faults.containers import hang_container, kill_container
from harness.faults.deletion import delete_pod, evict_pod
from harness.faults.injection import FaultError, Faults, Injection
from harness.faults.kube_api import freeze_api_server
from harness.faults.node_pool import (
    Pool,
    add_to_pool,
    cordon_node,
    find_spare_worker,
    list_components_on,
    move_components_away,
)
from harness.faults.nodes import Nodes
from harness.faults.pods import force_delete_pod
from harness.faults.preemption import preempt_pod
from harness.faults.quota import exhaust_quota
from harness.faults.throttle import throttle_account
from harness.faults.watcher import kill_watcher

__all__ = [
    "FaultError",
    "Faults",
    "Injection",
    "Nodes",
    "Pool",
    "add_to_pool",
    "cordon_node",
    "delete_component",
    "delete_pod",
    "evict_pod",
    "exhaust_quota",
    "find_spare_worker",
    "force_delete_pod",
    "freeze_api_server",
    "hang_container",
    "kill_container",
    "kill_watcher",
    "list_component_pods",
    "list_components_on",
    "move_components_away",
    "preempt_pod",
    "scale_to_zero",
    "throttle_account",
]
