"""kind: clusters whose nodes are containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from harness.command import run
from harness.errors import HarnessError

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
CREATE_S = 600
QUICK_S = 120


@dataclass(frozen=True)
class Kind:
    """The kind binary; `env` holds the PATH with the docker client that it shall use."""

    binary: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def create(self, config: Mapping[str, object], *, kubeconfig: Path, network: str) -> None:
        """Create the cluster that `config` describes, on the Docker network `network`.

        Raises CommandError. kind removes what it began unless it was killed.
        """
        run(
            [str(self.binary), "create", "cluster", "--config=-", f"--kubeconfig={kubeconfig}", "--quiet"],
            stdin=yaml.safe_dump(dict(config), sort_keys=False),
            env={**self.env, "KIND_EXPERIMENTAL_DOCKER_NETWORK": network},
            timeout_s=CREATE_S,
        )

    def export_kubeconfig(self, name: str, kubeconfig: Path) -> None:
        """Write the kubeconfig of a cluster that runs."""
        self._call("export", "kubeconfig", f"--name={name}", f"--kubeconfig={kubeconfig}", "--quiet")

    def load(self, name: str, image: str) -> None:
        """Copy an image from the engine into each node."""
        self._call("load", "docker-image", f"--name={name}", image, "--quiet", timeout_s=CREATE_S)

    def version(self) -> str:
        """Return for example `0.33.0`."""
        words = self._call("version", "--quiet").split()
        if not words:
            raise HarnessError(f"{self.binary} printed no version")
        return words[0].removeprefix("v")

    def _call(self, *args: str, timeout_s: float = QUICK_S) -> str:
        return run([str(self.binary), *args], env=self.env, timeout_s=timeout_s).stdout.strip()
