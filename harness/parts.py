"""The composition root: the parts of one environment, each made when it is first asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from harness.backup.database import Database
from harness.backup.steps import Backups
from harness.cluster import Cluster
from harness.credentials import KnownVariables, Login, find_login
from harness.delivery.bundles import find_target
from harness.delivery.dag_processor import read_image
from harness.delivery.folder import DagFolder
from harness.delivery.live import Bundle
from harness.delivery.origin import read_origin
from harness.errors import UsageError, Verb
from harness.gate.base import BaseGate
from harness.gate.fixes import find_advice
from harness.gate.gate import Gate
from harness.gate.here import GateHere
from harness.host.binaries import Binary, find_binary, helm_binary, kind_binary
from harness.host.platform import Host
from harness.images.imageset import ImageSet
from harness.images.mirrors import Mirrors
from harness.images.own import OwnImage, find_own
from harness.images.registry import Registry
from harness.images.source import Choice, choose_source, read_choice
from harness.images.store import Store
from harness.pins import Pins, load_pins
from harness.release import Release
from harness.settings import Settings
from harness.steps import Step
from harness.tools.airflow import AirflowApi
from harness.tools.docker import Docker, find_client
from harness.tools.go import Go
from harness.tools.helm import Helm
from harness.tools.k8s import Kubernetes
from harness.tools.kind import Kind
from harness.tools.port_forward import Pods, PortForward
from harness.waiting import CLOCK, Clock


def _connect(settings: Settings) -> Kubernetes:
    return Kubernetes(settings.kubeconfig, settings.context or None)


def _open_airflow(url: str, login: Login) -> AirflowApi:
    is_local = url.startswith("http://127.0.0.1:")
    return AirflowApi(url, login.username, login.password, token=login.token, is_local=is_local)


@dataclass(frozen=True)
class Outside:
    """What is outside of this process, and how the parts reach it; a test gives its own.

    `find_docker` raises UsageError when there is no client.
    """

    host: Host = field(default_factory=Host)
    clock: Clock = CLOCK
    find_docker: Callable[[], Docker] = find_client
    connect: Callable[[Settings], Kubernetes] = _connect
    open_airflow: Callable[[str, Login], AirflowApi] = _open_airflow


@dataclass(frozen=True)
class Parts:
    """What `up` makes and what it makes it with, for one environment's settings."""

    settings: Settings
    outside: Outside = field(default_factory=Outside)

    @property
    def host(self) -> Host:
        """This machine."""
        return self.outside.host

    @property
    def clock(self) -> Clock:
        """What all waits go by."""
        return self.outside.clock

    @cached_property
    def pins(self) -> Pins:
        """The pinned versions."""
        return load_pins()

    @cached_property
    def go(self) -> Go:
        """The Go tool with our caches."""
        return Go(self.settings.cache_folder)

    @cached_property
    def docker(self) -> Docker:
        """The engine's client; raises UsageError when there is none."""
        return self.outside.find_docker()

    @cached_property
    def choice(self) -> Choice:
        """Where images come from."""
        kept = read_choice(self.settings.choice_file)
        return choose_source(self.settings.images, self.host, mirror=self.settings.registry_mirror, kept=kept)

    @cached_property
    def recipes(self) -> Mirrors | Registry:
        """How the images are made."""
        if self.choice.source == "mirrors":
            return Mirrors(self.docker, self.go, self.pins, self.host, self.choice)
        return Registry(self.docker, self.pins, self.choice)

    @cached_property
    def own_image(self) -> OwnImage | None:
        """The project's own Airflow image, None for the harness's."""
        return find_own(self.settings, self.docker, base=self.recipes.base, ours=self.recipes.images().airflow)

    @cached_property
    def images(self) -> ImageSet:
        """The images' names; that of Airflow may change until `own_image.before` is done."""
        images = self.recipes.images()
        return replace(images, airflow=self.own_image.name) if self.own_image else images

    def image_steps(self) -> list[Step]:
        """Return the steps that make what is not there."""
        if self.own_image is None:
            return self.recipes.steps()
        return [*self.recipes.steps(with_airflow=self.own_image.is_on_ours), *self.own_image.steps]

    @cached_property
    def store(self) -> Store | None:
        """The shared image store, where nodes can mount this host's folders.

        Of a project's own image it holds what the harness's is: the rest is small, and comes into the nodes by itself.
        """
        engine = self.docker.engine()
        if engine is None or not engine.is_on_this_host:
            return None
        is_on_ours = self.own_image is not None and self.own_image.is_on_ours
        images = self.recipes.images() if is_on_ours else self.images
        return Store(self.docker, images, self.settings.cache_folder, self.settings.name, self.clock)

    @cached_property
    def binaries(self) -> tuple[Binary, Binary]:
        """The programs kind and helm, in the pinned versions."""
        return kind_binary(self.pins), helm_binary(self.pins)

    @cached_property
    def kind(self) -> Kind:
        """kind, as `up` found or made it."""
        return Kind(self._find(self.binaries[0]), self.docker.env)

    @cached_property
    def helm(self) -> Helm:
        """Helm, as `up` found or made it."""
        return Helm(self._find(self.binaries[1]), self.settings.kubeconfig, self.settings.cache_folder / "helm")

    @cached_property
    def cluster(self) -> Cluster:
        """The kind cluster."""
        return Cluster(
            self.settings,
            self.docker,
            self.kind,
            self.pins,
            self.images,
            self.store,
            lambda: self.kubernetes,
            self.clock,
        )

    @cached_property
    def release(self) -> Release:
        """The Helm release."""
        return Release(self.settings, self.helm, self.images)

    @cached_property
    def backups(self) -> Backups:
        """The backups of the release's own database."""
        database = Database(self.docker, self.settings)
        return Backups(self.settings, self.kubernetes, database, self.release, self.clock)

    @cached_property
    def kubernetes(self) -> Kubernetes:
        """The cluster's API; whoever reads a log by it knows the secrets in it."""
        kubernetes = self.outside.connect(self.settings)
        kubernetes.before_log = KnownVariables(kubernetes, self.settings, self.clock).refresh
        return kubernetes

    @cached_property
    def port_forward(self) -> PortForward:
        """The way to an Airflow that has no URL."""
        settings = self.settings
        pods = Pods(self.kubernetes, settings.namespace, settings.api_server, settings.api_server_port)
        return PortForward(pods.open)

    @cached_property
    def airflow(self) -> AirflowApi:
        """Airflow's REST API, logged in; for its logs the same holds."""
        login = find_login(self.kubernetes, self.settings)
        airflow = self.outside.open_airflow(self.settings.url or self.port_forward.url, login)
        airflow.before_log = self.kubernetes.before_log
        airflow.before_log()  # now, for whoever shows a log later may find the cluster's API away
        return airflow

    def bundle(self, name: str = "") -> Bundle:
        """Return a DAG bundle of the chart's values, by default that of the DAGs folder."""
        return Bundle(self.kubernetes, self.airflow, find_target(self.settings, name), self.clock)

    @cached_property
    def dags(self) -> DagFolder:
        """The DAGs folder and its counterpart in the cluster."""
        return DagFolder(
            self.settings, lambda: self.gate, lambda: self.kubernetes, lambda: self.airflow, self.clock, read_origin
        )

    @cached_property
    def gate(self) -> BaseGate:
        """What imports DAG files in the image that the cluster runs, or here."""
        settings = self.settings
        if settings.gate == "here":
            return GateHere(find_advice(settings), self.clock)
        lock = settings.state / f"{settings.name}-gate.lock"
        image = read_image(self.kubernetes, settings) if settings.is_elsewhere else self.images.airflow
        advice = find_advice(settings)
        return Gate(self.docker, image, settings.name, lock, advice, self.clock, is_pulled=settings.is_elsewhere)

    def _find(self, wanted: Binary) -> Path:
        found = find_binary(wanted, self.go)
        if found is None:
            raise UsageError(f"{wanted.name} {wanted.version} is not here yet", next_step=Verb("up"))
        return found
