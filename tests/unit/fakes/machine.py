"""A machine with a container engine, kind and Helm behind their commands, and what they make: a cluster, an Airflow."""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.credentials import Login
from harness.environment import Environment
from harness.gate.container.server import new_result
from harness.host import ports
from harness.host.platform import Host
from harness.images.load import full_name
from harness.parts import Outside, Parts
from harness.settings import Settings
from harness.tools.airflow import AirflowApi
from harness.tools.docker import Docker
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError, Request

from ..samples import info, make_executable, settings_of
from .airflow import FakeAirflow
from .clock import FakeTime
from .command import Answer, Call, FakeCommands
from .kubernetes import FakeApiServer, Response

DAG = 'from airflow.sdk import dag\n\n\n@dag(dag_id="hello")\ndef hello() -> None: ...\n'
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
OF_RELEASE = {"meta.helm.sh/release-name": "airflow"}
HEALTHY = {name: {"status": "healthy"} for name in ("metadatabase", "scheduler", "dag_processor", "triggerer")}


def workload(name: str, ready: int = 1) -> dict[str, Any]:
    """Return a Deployment or StatefulSet of one replica."""
    numbers = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": ready}
    return {
        "metadata": {"name": name, "namespace": "tools", "generation": 1, "annotations": OF_RELEASE},
        "spec": {"replicas": 1},
        "status": numbers,
    }


class WatchedApiServer(FakeApiServer):
    """An API server whose changes are noted."""

    def __init__(self, changes: list[str]) -> None:
        super().__init__()
        self._changes = changes

    def send(self, request: Request) -> Response:
        """Answer, and note what is no mere question."""
        if request.method != "GET":
            self._changes.append(f"{request.method} {request.path.rsplit('/', 2)[-2]}/{request.path.rsplit('/')[-1]}")
        return super().send(request)


@dataclass
class FakeMachine(FakeCommands):
    """`changes` is what reached the wire and changed something, in order; a command that nobody expects fails."""

    folder: Path = Path()
    changes: list[str] = field(default_factory=list)
    has_engine: bool = True
    operating_system: str = "Docker Desktop"
    images: set[str] = field(default_factory=set)
    ids: dict[str, str] = field(default_factory=dict)
    airflow_version: str = "3.3.2"
    containers: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    networks: set[str] = field(default_factory=set)
    loaded: list[str] = field(default_factory=list)
    is_marked: bool = False
    started: str = "2026-11-22T12:00:00.123456789Z"
    release: str = ""
    login: tuple[str, ...] = ()
    node: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.time = FakeTime()
        self.server, self.airflow = WatchedApiServer(self.changes), FakeAirflow(self.time)
        self.airflow.is_down = True
        self.kubernetes: Kubernetes

    def answer(self, argv: list[str]) -> Answer:
        """Return what a test wants of these words, else what the machine makes of them."""
        if any(list(known.argv) == argv for known in self.answers):
            return super().answer(argv)
        words = [Path(argv[0]).name, *argv[1:]]
        for beginning, act in self._acts().items():
            if words[: len(beginning.split())] == beginning.split():
                return act(words[len(beginning.split()) :])
        pytest.fail(f"nobody expected: {argv}")

    def _acts(self) -> dict[str, Callable[[list[str]], Answer]]:
        return {
            "git -C": lambda _: Answer((), returncode=128, stderr="not a git repository"),
            "docker --version": lambda _: said("Docker version 20.10.24"),
            "docker version": lambda _: said("linux/amd64"),
            "docker save": lambda rest: said("\n".join(rest)),
            "docker info": lambda _: said(info(OperatingSystem=self.operating_system) if self.has_engine else "{}"),
            "docker ps": self._list,
            "docker inspect": self._inspect,
            "docker network ls": lambda rest: said("net" if rest[-1][6:-1].replace("\\", "") in self.networks else ""),
            "docker network create": lambda rest: self._change("docker network create", self.networks.add, rest[-1]),
            "docker network rm": lambda _: self._change("docker network rm", lambda _: self.networks.clear(), ""),
            "docker image ls": lambda _: said(""),
            "docker image inspect": self._inspect_image,
            "docker pull": lambda rest: self._change("docker pull", self.images.add, rest[-1]),
            "docker tag": lambda rest: self._change("docker tag", self.images.add, rest[-1]),
            "docker build": lambda rest: self._change("docker build", self.images.add, rest[2]),
            "docker update": lambda _: self._change("docker update", lambda _: None, ""),
            "docker run": self._run,
            "docker stop": lambda rest: self._turn("exited", rest[1:]),
            "docker start": lambda rest: self._turn("running", rest),
            "docker pause": lambda rest: self._turn("paused", rest),
            "docker unpause": lambda rest: self._turn("running", rest),
            "docker rm": lambda rest: self._change("docker rm", self.containers.pop, rest[-1]),
            "docker exec": self._exec,
            "kind version": lambda _: said(Parts(settings_of(self.folder)).pins.versions.kind),
            "kind create": lambda _: Answer((), does=self._create),
            "helm version": lambda _: said(Parts(settings_of(self.folder)).pins.versions.helm),
            "helm template": lambda _: said(""),
            "helm list": lambda _: said(json.dumps([{"revision": "1"}] if self.release else [])),
            "helm history": lambda _: said(json.dumps([{"status": "deployed", "description": self.release}])),
            "helm upgrade": lambda rest: self._change("helm upgrade", self._install, rest[-1]),
        }

    def environment(self, **settings: Any) -> Environment:
        """Return the environment of these settings on this machine."""
        return Environment(Parts(self.settings(**settings), self.outside))

    def settings(self, **others: Any) -> Settings:
        """Return settings of a project with a chart and one DAG."""
        made = settings_of(self.folder, **{"images": "registry", **others})
        bundle = {"name": "dags", "configMap": "airflow-dags", "versioned": True}
        for path, text in {
            made.chart_folder / "Chart.yaml": "name: tools",
            made.values_files[0]: json.dumps({"dags": {"bundles": [bundle]}}),
            made.dags_folder / "hello.py": DAG,
        }.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return made

    @property
    def outside(self) -> Outside:
        """Return how the parts reach this machine."""
        return Outside(
            Host(self.folder / "root"),
            self.time.clock,
            find_docker=lambda: Docker("docker"),
            connect=self._connect,
            open_airflow=self._open_airflow,
        )

    def _connect(self, settings: Settings) -> Kubernetes:
        if not settings.kubeconfig.exists():
            raise KubernetesError(f"kubeconfig {settings.kubeconfig}", 0, "no such file")
        return self.kubernetes

    def _open_airflow(self, _url: str, login: Login) -> AirflowApi:
        """Let in whoever comes with the login that the admin was made with, at the installation."""
        is_right = (login.username, login.password) == self.login
        return self.airflow.client() if is_right else self.airflow.client(password="wrong")  # noqa: S106 - of nothing

    def _turn(self, state: str, containers: list[str]) -> Answer:
        def turn(name: str) -> None:
            self.containers[name] = (state, self.containers[name][1])

        (name,) = containers
        return self._change(state, turn, name)

    def _change(self, what: str, act: Callable[[Any], object], value: str) -> Answer:
        def does(_: Call) -> None:
            self.changes.append(f"{what} {value}".strip())
            act(value)

        return Answer((), does=does)

    def _list(self, rest: list[str]) -> Answer:
        if not self.has_engine:
            return Answer((), returncode=1, stderr="Cannot connect to the Docker daemon")
        name, _, value = rest[2].removeprefix("label=").partition("=")
        found = {
            container: state
            for container, (state, labels) in self.containers.items()
            if name in labels and value in {"", labels[name]}
        }
        return said("".join(f"{container}\t{state}\n" for container, state in found.items()))

    def _inspect(self, rest: list[str]) -> Answer:
        labels = self.containers[rest[-1]][1]
        found: dict[str, Any] = {"Image": "sha256:1", "Config": {"Labels": labels, "Image": self.node.get("image")}}
        ports_ = {f"{port['containerPort']}/tcp": port for port in self.node.get("extraPortMappings", [])}
        found["State"] = {"StartedAt": self.started}
        found["HostConfig"] = {
            "PortBindings": {name: [{"HostPort": str(port["hostPort"])}] for name, port in ports_.items()}
        }
        return said(json.dumps([found]))

    def _inspect_image(self, rest: list[str]) -> Answer:
        if not set(rest[1:]) <= self.images:
            return Answer((), returncode=1)
        return said(self.ids.get(rest[1], f"sha256:{rest[1]}"))

    def _run(self, rest: list[str]) -> Answer:
        if "--entrypoint" in rest and rest[rest.index("--entrypoint") + 1] == "python":
            return said(self.airflow_version)
        if "--name" not in rest:
            return self._change("docker run", lambda _: None, " ".join(rest[:1]))
        labels = dict(word.removeprefix("--label=").split("=", 1) for word in rest if word.startswith("--label="))

        def start(name: str) -> None:
            self.containers[name] = ("running", labels)

        return self._change("docker run", start, rest[rest.index("--name") + 1])

    def _exec(self, rest: list[str]) -> Answer:
        container, *command = [word for word in rest if word != "-i"]
        if container not in self.containers:
            return Answer((), returncode=1, stderr="No such container")
        if command[0] == "python":
            return said(self._check_dags())
        if command[0] == "ctr":
            return Answer((), does=self._load) if "import" in command else said("\n".join(self.loaded))
        if command[0] == "touch":
            return self._change("docker exec touch", lambda _: setattr(self, "is_marked", True), "")
        if command[0] == "test":
            return Answer((), returncode=0 if self.is_marked else 1)
        return said({"bash": "", "containerd": "version = 3"}[command[0]])

    def _load(self, call: Call) -> None:
        for image in call.stdin.decode().split():
            self.changes.append(f"ctr import {image}")
            self.loaded.append(full_name(image))

    def _check_dags(self) -> str:
        result = new_result("hello.py") | {"dag_ids": ["hello"], "ended": "whole"}
        return json.dumps({"tree": "/check/dags", "limit_s": 50, "discovery_error": "", "results": [result]})

    def _create(self, call: Call) -> None:
        self.changes.append("kind create")
        config = yaml.safe_load(call.stdin)
        (self.node,) = config["nodes"]
        node = f"{config['name']}-control-plane"
        self.containers[node] = ("running", {"io.x-k8s.kind.cluster": config["name"]})
        kubeconfig = settings_of(self.folder).kubeconfig
        kubeconfig.touch()
        self.server.put("nodes", {"metadata": {"name": node}, "status": READY})
        self.server.put("pods", {"metadata": {"name": "coredns", "namespace": "kube-system"}, "status": READY})

    def _install(self, description: str) -> None:
        self.release = description
        login = self.server.objects["secrets", "tools", "airflow-ui-creds"]["data"]
        self.login = self.login or tuple(b64decode(login[key]).decode() for key in ("username", "password"))
        self.server.put("deployments", workload("airflow-scheduler"))
        self.airflow.is_down = False
        self.airflow.answers["/api/v2/monitor/health"] = HEALTHY
        pointer = self.server.objects["configmaps", "tools", "airflow-dags"]
        self.airflow.parse({"hello.py": DAG}, version=pointer["data"]["version"])


def said(text: str) -> Answer:
    """Return an answer that changes nothing."""
    return Answer((), stdout=text)


def make_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    """Return a machine that has an engine, kind and Helm, room, and no environment."""
    for name in ("docker", "kind", "helm"):
        make_executable(folder / "bin" / name)
    monkeypatch.setenv("PATH", str(folder / "bin"))
    monkeypatch.setattr(ports, "is_free", lambda _: True)
    monkeypatch.setattr("shutil.disk_usage", lambda _: DiskUsage())
    made = FakeMachine(folder=folder)
    made.kubernetes = made.server.client(monkeypatch)
    return made


@dataclass
class DiskUsage:
    """Room enough."""

    free: int = 10**12
