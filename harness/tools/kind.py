"""kind: clusters whose nodes are containers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.command import HostCommandError, run
from harness.errors import Advice, Verb
from harness.steps import Progress, Say
from harness.tools.docker_output import find_cure

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
CREATE_S = 600
ANEW = Verb("up", "begins the cluster anew")
CURES: tuple[tuple[str, Advice], ...] = (
    # kind's own list of known issues has these for a node whose systemd or kubelet does not start.
    ("too many open files|inotify", Verb("doctor", "has the `sysctl` that raises the limits of inotify")),
    (
        "could not find a log line that matches|multi-user system",
        Verb("doctor", "looks at control groups and at the limits of inotify"),
    ),
    ("port is already allocated|address already in use", "end what listens there, or choose another HARNESS_PORT"),
    (
        "timed out waiting for the condition|context deadline exceeded|kubelet is not",
        "end other programs, or give the engine more memory and processors: the node did not start in kubeadm's time",
    ),
)
BEGUN, ENDED = "•", "✓"
STEPS = 6  # of one node; the joining of workers is one more
# In the control plane's container.
KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf")


class KindError(HostCommandError):
    """kind failed; the advice is what helps against what it wrote."""

    def __init__(self, argv: list[str], why: str, output: str = "") -> None:
        super().__init__(argv, why, output)
        known = next((cure for pattern, cure in CURES if re.search(pattern, output, re.IGNORECASE)), find_cure(output))
        self.advice = (known, ANEW) if known else (Verb("doctor", "looks at this machine"), ANEW)


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

        Raises KindError. kind removes what it began unless it was killed.
        """
        import yaml

        run(
            [str(self.binary), "create", "cluster", "--config=-", f"--kubeconfig={kubeconfig}"],
            stdin=yaml.safe_dump(dict(config), sort_keys=False),
            env={**self.env, "KIND_EXPERIMENTAL_DOCKER_NETWORK": network},
            timeout_s=CREATE_S,
            error=KindError,
            on_line=CreateProgress(say),
        )
