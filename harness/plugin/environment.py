"""The fixture `airflow_env`: a healthy Airflow for a whole session, through pytest-kind's `kind_cluster`."""

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.environment import Environment
from harness.errors import UsageError, Verb
from harness.nodes import cluster_name, control_plane
from harness.parts import Parts
from harness.plugin.leaks import LeakCheck
from harness.plugin.sharing import REFUSAL, is_worker
from harness.settings import Settings, load_settings
from harness.steps import Outcome, Pace
from harness.tools.airflow import AirflowApi
from harness.tools.docker import Docker
from harness.tools.k8s import Kubernetes
from harness.tools.kind import KUBECTL


@dataclass(frozen=True)
class AirflowEnv:
    """What tests get of an environment: clients of its cluster and of its Airflow."""

    environment: Environment
    kubernetes: Kubernetes
    airflow: AirflowApi

    @property
    def settings(self) -> Settings:
        """The environment's settings."""
        return self.environment.settings

    @property
    def namespace(self) -> str:
        """The namespace that Airflow runs in."""
        return self.settings.namespace

    @property
    def docker(self) -> Docker:
        """Return the client of the container engine whose containers the nodes are; skips the test where none are."""
        _skip_elsewhere(self.settings)
        return self.environment.parts.docker

    @property
    def control_plane(self) -> str:
        """Return the name of the control plane's node; skips likewise."""
        _skip_elsewhere(self.settings)
        return control_plane(self.settings)


def _skip_elsewhere(settings: Settings) -> None:
    if settings.is_elsewhere:
        pytest.skip(f"the nodes of `{settings.name}` (context {settings.context}) are no containers of this machine")


class _TerminalReporter:
    """Shows the steps of `up` while they go, past pytest's capture."""

    def __init__(self, config: pytest.Config) -> None:
        self._capture: Any = config.pluginmanager.getplugin("capturemanager")
        self._terminal: Any = config.pluginmanager.getplugin("terminalreporter")
        self._pace = Pace()

    def started(self, name: str) -> None:  # noqa: ARG002 - the protocol's
        """Say nothing: the end of a step tells enough."""
        self._pace.start()

    def said(self, text: str) -> None:
        """Print a line below the step."""
        if self._pace.is_due(text):
            self._print(f"    {text}")

    def ended(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Print the step's line."""
        self._print(f"  {name:<28} {outcome} {seconds:.1f} s")

    def _print(self, line: str) -> None:
        with self._capture.global_and_fixture_disabled():
            self._terminal.write_line(line)


@pytest.fixture(scope="session")
def airflow_env(request: pytest.FixtureRequest) -> Iterator[AirflowEnv]:
    """Yield a healthy environment; one that was there before stays, one that was made here goes at the end.

    `--reuse` and `--keep-cluster` keep that one, too, and `--keep-on-failure` does when something failed. With CI=true
    and without `--reuse` the session begins with a new one, whatever a run that was killed has left. One on a cluster
    that is there is neither made nor removed, and others may use it meanwhile.
    """
    option = request.config.option
    is_whole = False
    if is_worker(request.config):
        raise UsageError(REFUSAL)
    environment = Environment(Parts(load_settings({"name": option.airflow_env})))
    if environment.settings.protected:
        raise UsageError(f"`{environment.settings.name}` is protected", next_step=Verb("test", "asks, and tests it"))
    if environment.settings.is_elsewhere:
        yield from _borrow(environment, has_leak_check=not option.no_leak_check)
        return
    reporter = _TerminalReporter(request.config)
    if os.environ.get("CI") == "true" and not option.reuse_airflow_env:
        environment.start_engine(reporter)
        environment.down(reporter)
        was_there = False
    else:
        was_there = environment.has_cluster()
    try:
        environment.up(reporter)
        _configure_pytest_kind(environment, option)
        request.getfixturevalue("kind_cluster")
        env = AirflowEnv(environment, environment.parts.kubernetes, environment.parts.airflow)
        leaks = LeakCheck(environment.parts.clock)
        is_whole = True
        yield env
        if not option.no_leak_check:
            is_whole = False
            leaks.wait(env.kubernetes, env.namespace)
            is_whole = True
    finally:
        has_failed = not is_whole or request.session.testsfailed > 0
        is_kept = option.keep_airflow_env or option.reuse_airflow_env or (option.keep_on_failure and has_failed)
        if not was_there and not is_kept:
            environment.down(reporter)


def _borrow(environment: Environment, *, has_leak_check: bool) -> Iterator[AirflowEnv]:
    env = AirflowEnv(environment, environment.parts.kubernetes, environment.parts.airflow)
    env.airflow.login()
    leaks = LeakCheck(environment.parts.clock)
    yield env
    if has_leak_check:
        leaks.wait(env.kubernetes, env.namespace)


def _configure_pytest_kind(environment: Environment, option: Any) -> None:
    """Point pytest-kind at our cluster, kind and kubeconfig, so that it finds all there and downloads nothing."""
    settings = environment.settings
    option.cluster_name = cluster_name(settings)
    option.kubeconfig = str(settings.kubeconfig)
    option.kind_bin = str(environment.parts.kind.binary)
    option.kind_kubectl_bin = str(_write_kubectl(environment))
    option.keep_cluster = True


def _write_kubectl(environment: Environment) -> Path:
    """Write a `kubectl` that is the control plane node's own, for `kind_cluster.kubectl(...)`."""
    path = environment.settings.folder / "kubectl"
    words = [environment.parts.docker.binary, "exec", "-i", control_plane(environment.settings), *KUBECTL]
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    path.chmod(0o755)
    return path
