"""kind: clusters whose nodes are containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.command import HostCommandError, run

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
CREATE_S = 600
# In the control plane's container.
KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf")


@dataclass(frozen=True)
class Kind:
    """The kind binary; `env` holds the PATH with the docker client that it shall use."""

    binary: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def create(self, config: Mapping[str, object], *, kubeconfig: Path, network: str) -> None:
        """Create the cluster that `config` describes, on the Docker network `network`.

        Raises HostCommandError. kind removes what it began unless it was killed.
        """
        import yaml

        run(
            [str(self.binary), "create", "cluster", "--config=-", f"--kubeconfig={kubeconfig}"],
            stdin=yaml.safe_dump(dict(config), sort_keys=False),
            env={**self.env, "KIND_EXPERIMENTAL_DOCKER_NETWORK": network},
            timeout_s=CREATE_S,
            error=HostCommandError,
        )
