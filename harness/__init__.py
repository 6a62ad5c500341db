"""Test harness and local dev environment for Airflow with the KubernetesExecutor on kind.

The names below are the package's public face, with those of `harness.faults`; every other module is private to it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.command import CommandError
    from harness.errors import HarnessError, UsageError
    from harness.observe.pods import WorkerPod
    from harness.observe.recorder import PodRecorder
    from harness.observe.runs import Run, Runs
    from harness.plugin.environment import AirflowEnv
    from harness.plugin.fixtures import RunDag
    from harness.tools.airflow import AirflowApi
    from harness.tools.airflow_client import AirflowApiError
    from harness.tools.airflow_records import DagRun, TaskInstance, TaskKey
    from harness.tools.k8s import Kubernetes
    from harness.tools.k8s_connection import KubernetesError
    from harness.waiting import NotYet, Unreachable, WaitTimeoutError, wait_until

__all__ = [
    "AirflowApi",
    "AirflowApiError",
    "AirflowEnv",
    "CommandError",
    "DagRun",
    "HarnessError",
    "Kubernetes",
    "KubernetesError",
    "NotYet",
    "PodRecorder",
    "Run",
    "RunDag",
    "Runs",
    "TaskInstance",
    "TaskKey",
    "Unreachable",
    "UsageError",
    "WaitTimeoutError",
    "WorkerPod",
    "__version__",
    "wait_until",
]
__version__ = "0.2.0"

_HOMES = {
    "AirflowApi": "tools.airflow",
    "AirflowApiError": "tools.airflow_client",
    "AirflowEnv": "plugin.environment",
    "CommandError": "command",
    "DagRun": "tools.airflow_records",
    "HarnessError": "errors",
    "Kubernetes": "tools.k8s",
    "KubernetesError": "tools.k8s_connection",
    "NotYet": "waiting",
    "PodRecorder": "observe.recorder",
    "Run": "observe.runs",
    "RunDag": "plugin.fixtures",
    "Runs": "observe.runs",
    "TaskInstance": "tools.airflow_records",
    "TaskKey": "tools.airflow_records",
    "Unreachable": "waiting",
    "UsageError": "errors",
    "WaitTimeoutError": "waiting",
    "WorkerPod": "observe.pods",
    "wait_until": "waiting",
}

if not TYPE_CHECKING:  # mypy would take every name for one that this returns

    def __getattr__(name):  # noqa: ANN001, ANN202
        """Import a public name when it is first asked for: the command line starts without the tests' half."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
