"""The source `mirrors`: all images from Debian packages, Go modules and Python packages, with no registry."""

import platform
import shutil
from dataclasses import dataclass
from functools import cached_property

from harness.errors import HostError
from harness.host.engine import apt_install
from harness.host.platform import Host
from harness.images.context import build_context, build_secrets, build_step, hash_of, package_folder
from harness.images.imageset import REPOSITORY, ImageSet, name_image
from harness.images.source import Choice
from harness.pins import Pins
from harness.steps import Say, Step
from harness.tools.docker import Docker
from harness.tools.go import Go, GoCommand

# The stages of node/Dockerfile that become images of their own, by the names that kubeadm and our manifests ask for.
KUBE_NAMES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
VERSION = "k8s.io/component-base/version"
EXPORTER = GoCommand(
    "statsd_exporter", package_folder("statsd-exporter") / "go", "github.com/prometheus/statsd_exporter"
)


@dataclass(frozen=True)
class Mirrors:
    """The recipes; the names are known before anything is built."""

    docker: Docker
    go: Go
    pins: Pins
    host: Host
    choice: Choice

    def images(self) -> ImageSet:
        """Return the names of all images."""
        return ImageSet(
            self.choice,
            node=self._node("node"),
            airflow=name_image("airflow", hash_of(self.base, package_folder("airflow"))),
            postgresql=name_image("postgres", hash_of(self.base, package_folder("postgres"))),
            statsd_exporter=name_image("statsd-exporter", hash_of(EXPORTER.digest, package_folder("statsd-exporter"))),
            system=self._system,
        )

    def steps(self, *, with_airflow: bool = True) -> list[Step]:
        """Return the steps that make what is not there, Airflow's image unless a project has one of its own."""
        images = self.images()
        stages = [self._node(stage) for stage in self._all_stages]
        steps = [Step("image base", lambda: self.docker.has_images(self.base), self._build_base)]
        if not self.docker.has_images(*stages):
            steps += [self._compile_step(command) for command in self._commands]
        return [
            *steps,
            Step("image node", lambda: self.docker.has_images(*stages), self._build_node),
            *([build_step(self.docker, "airflow", images.airflow, base=self.base)] if with_airflow else []),
            build_step(self.docker, "postgres", images.postgresql, base=self.base),
            Step(
                "image statsd-exporter",
                lambda: self.docker.has_images(images.statsd_exporter),
                lambda say: self._build_exporter(images.statsd_exporter, say),
            ),
        ]

    def _compile_step(self, command: GoCommand) -> Step:
        return Step(
            f"compile {command.name}",
            lambda: self.go.binary(command).exists(),
            lambda say: self._compile(command, say),
        )

    @cached_property
    def _debootstrap(self) -> list[str]:
        # usr-is-merged and its hook keep perl out; what nobody reads in a container stays out, too.
        return [
            *("mmdebstrap", "--quiet", "--variant=apt", "--include=ca-certificates,usr-is-merged"),
            "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
            "--dpkgopt=force-unsafe-io",
            *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("man", "doc", "locale")),
            "--dpkgopt=path-include=/usr/share/doc/*/copyright",
            '--aptopt=Acquire::Languages "none"',
            *(self.pins.versions.debian, "-"),
        ]

    @cached_property
    def base(self) -> str:
        """Return the name of the Debian image that the others are built on."""
        return name_image("base", hash_of(self._debootstrap, platform.machine()))

    @cached_property
    def _commands(self) -> list[GoCommand]:
        modules = package_folder("node") / "go"
        version = self.pins.versions.kubernetes
        major, minor, _ = version.split(".")
        stamps = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
        containerd = "github.com/containerd/containerd/v2/cmd"
        return [
            GoCommand(
                "kube", modules / "kubernetes", stamps={f"{VERSION}.{key}": value for key, value in stamps.items()}
            ),
            GoCommand("etcd", modules / "etcd", "go.etcd.io/etcd/server/v3"),
            GoCommand("coredns", modules / "coredns"),
            GoCommand("pause", modules / "pause"),
            GoCommand(
                "local-path-provisioner",
                modules / "local-path-provisioner",
                "github.com/rancher/local-path-provisioner",
            ),
            *(
                GoCommand(name, modules / "containerd", f"{containerd}/{name}")
                for name in ("containerd", "ctr", "containerd-shim-runc-v2")
            ),
        ]

    @cached_property
    def _stages(self) -> dict[str, str]:
        versions = self.pins.versions
        return {
            **{f"{name}:v{versions.kubernetes}": "kube" for name in KUBE_NAMES},
            "pod-network:1": "kube",
            f"etcd:{versions.etcd}": "etcd",
            f"coredns:{versions.coredns}": "coredns",
            "pause:1": "pause",
            f"local-path-provisioner:v{versions.local_path_provisioner}": "local-path-provisioner",
        }

    @cached_property
    def _system(self) -> dict[str, str]:
        return {f"{REPOSITORY}/{name}": self._node(stage) for name, stage in self._stages.items()}

    @cached_property
    def _node_tag(self) -> str:
        return hash_of(self.base, package_folder("node"), *(command.digest for command in self._commands))

    def _node(self, stage: str) -> str:
        return name_image(stage, self._node_tag)

    @cached_property
    def _all_stages(self) -> list[str]:
        return ["node", *sorted(set(self._stages.values()))]

    def _build_base(self, say: Say) -> None:
        if not shutil.which("mmdebstrap"):
            if not (self.host.is_root and self.host.is_debian_like):
                raise HostError(
                    "images=mirrors needs mmdebstrap, as root on Debian or Ubuntu",
                    next_step="sudo apt-get install mmdebstrap and run as root; or use a network with a registry",
                )
            say("installing mmdebstrap with apt")
            apt_install(["mmdebstrap"])
        self.docker.import_from(self._debootstrap, self.base)

    def _compile(self, command: GoCommand, say: Say) -> None:
        if command.name == "kube":
            say("Kubernetes from source: about 10 minutes on 2 cores, once")
        self.go.ensure(command, say)

    def _build_exporter(self, tag: str, say: Say) -> None:
        binaries = {EXPORTER.name: self.go.ensure(EXPORTER, say)}
        with build_context(package_folder("statsd-exporter"), binaries) as context:
            self.docker.build(context, tag, say=say)

    def _build_node(self, say: Say) -> None:
        binaries = {command.name: self.go.ensure(command) for command in self._commands}
        with build_context(package_folder("node"), binaries) as context, build_secrets() as secrets:
            for stage in self._all_stages:
                say(f"stage {stage}")
                args = {"BASE": self.base}
                self.docker.build(context, self._node(stage), target=stage, args=args, secrets=secrets, say=say)
