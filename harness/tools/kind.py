"""kind: clusters whose nodes are containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.command import HostCommandError, run
from harness.steps import Progress, Say

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
CREATE_S = 600
BEGUN, ENDED = "•", "✓"
STEPS = 6  # of one node; the joining of workers is one more
# In the control plane's container.
KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf")


@dataclass
class CreateProgress:
    """Hears `kind create cluster` without a terminal: ` • NAME ...` when a step begins, ` ✓ NAME` when it ended."""

    say: Say
    _ended: int = 0

    def __call__(self, line: str) -> None:
        """Hear a line."""
        mark, _, name = line.strip().partition(" ")
        if mark == ENDED:
            self._ended += 1
        elif mark == BEGUN:
            what = name.rstrip(" .").encode("ascii", "ignore").decode().strip()
            self.say(Progress(self._ended, max(STEPS, self._ended + 1), f"steps of kind: {what}"))


@dataclass(frozen=True)
class Kind:
    """The kind binary; `env` holds the PATH with the docker client that it shall use."""

    binary: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def create(self, config: Mapping[str, object], *, kubeconfig: Path, network: str, say: Say) -> None:
        """Create the cluster that `config` describes, on the Docker network `network`, and say how far it is.

        Raises HostCommandError. kind removes what it began unless it was killed.
        """
        import yaml

        run(
            [str(self.binary), "create", "cluster", "--config=-", f"--kubeconfig={kubeconfig}"],
            stdin=yaml.safe_dump(dict(config), sort_keys=False),
            env={**self.env, "KIND_EXPERIMENTAL_DOCKER_NETWORK": network},
            timeout_s=CREATE_S,
            error=HostCommandError,
            on_line=CreateProgress(say),
        )
