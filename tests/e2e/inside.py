"""The inside of the package, for the tests that prove the tool itself and not only Airflow.

A project that uses the plugin needs none of it: all other modules of these tests import the public names of `harness`
and `harness.faults` alone. What stands here may be renamed at any time, and then this is the one place to look at.

- They deliver, check and roll back DAG files, and play what interrupts that.
- They build images, and make and remove whole environments, releases and Secrets of their own.
- They start commands as a person does, by the one way in which the package does.
"""

from harness import labels, release
from harness.backup.database import Database
from harness.cli.dags_commands import run_dag
from harness.cli.run_request import RunRequest
from harness.cluster import Cluster
from harness.command import Result, run, start_detached
from harness.credentials import ensure_secrets, read_credentials
from harness.delivery.folder import DagFolder
from harness.delivery.live import Bundle, Delivery
from harness.delivery.pack import FLAT_LIMIT_BYTES, LIMIT_BYTES, pack
from harness.delivery.target import DriftError
from harness.delivery.versions import VERSIONS_KEPT, Versions
from harness.environment import Environment
from harness.faults.preemption import REASON
from harness.gate.fixes import find_advice
from harness.gate.gate import Gate, list_gates, remove_gates
from harness.gate.problem import RefusedError
from harness.gate.verdict import Verdict
from harness.host.platform import Host
from harness.images.context import build_context, build_secrets, hash_of
from harness.images.imageset import name_image
from harness.images.mirrors import Mirrors
from harness.images.registry import Registry
from harness.images.source import Choice, choose_source, registry_answers
from harness.observe import evidence
from harness.observe.events import ClusterEvent
from harness.observe.leftovers import make_run_id
from harness.observe.pods import WORKER_SELECTOR, parse_pod
from harness.parts import Parts
from harness.pins import Pins, RegistryImages
from harness.release import given_values, pod_security
from harness.rollout import not_available, wait_until_available
from harness.settings import Settings
from harness.steps import Outcome, Silent, run_steps
from harness.tools import Json
from harness.tools.docker import Docker
from harness.tools.go import GoCommand
from harness.tools.k8s import Objects, is_ready
from harness.tools.k8s_connection import KubernetesError
from harness.tools.kind import KUBECTL
from harness.waiting import not_yet

__all__ = [
    "FLAT_LIMIT_BYTES",
    "KUBECTL",
    "LIMIT_BYTES",
    "REASON",
    "VERSIONS_KEPT",
    "WORKER_SELECTOR",
    "Bundle",
    "Choice",
    "Cluster",
    "ClusterEvent",
    "DagFolder",
    "Database",
    "Delivery",
    "Docker",
    "DriftError",
    "Environment",
    "Gate",
    "GoCommand",
    "Host",
    "Json",
    "KubernetesError",
    "Mirrors",
    "Objects",
    "Outcome",
    "Parts",
    "Pins",
    "RefusedError",
    "Registry",
    "RegistryImages",
    "Result",
    "RunRequest",
    "Settings",
    "Silent",
    "Verdict",
    "Versions",
    "build_context",
    "build_secrets",
    "choose_source",
    "ensure_secrets",
    "evidence",
    "find_advice",
    "given_values",
    "hash_of",
    "is_ready",
    "labels",
    "list_gates",
    "make_run_id",
    "name_image",
    "not_available",
    "not_yet",
    "pack",
    "parse_pod",
    "pod_security",
    "read_credentials",
    "registry_answers",
    "release",
    "remove_gates",
    "run",
    "run_dag",
    "run_steps",
    "start_detached",
    "wait_until_available",
]
