"""The gate before a delivery: imports the DAG files in the very image that the cluster runs, in a container kept warm.

The container has no network, no mounts and no state; files and variables reach it by standard input. It is started by
the first check, replaced when it does not answer or when the image or its scripts changed, and ends after an idle hour.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness import labels
from harness.command import CommandError, Result, run
from harness.errors import HarnessError, HostError, UsageError, Verb
from harness.gate.base import NO_VERIFY, SCRIPTS, BaseGate, read_script
from harness.gate.fixes import DEFAULT, Advice
from harness.gate.verdict import Answer
from harness.redact import redact
from harness.tools.docker import Docker
from harness.tools.docker_output import EngineError
from harness.waiting import CLOCK, Clock, NotYet, Unreachable, wait_until

LABEL = "harness.dev/gate"
ADDRESS = "/tmp/gate"  # noqa: S108 - in the container
CHECK_S = 600
START_S = 120
# Of /tmp, which holds the trees of all checks that run at the same time, and counts against the memory.
TMPFS = "/tmp:rw,exec,nosuid,nodev,mode=1777,size=512m"  # noqa: S108 - in the container
LIMITS = ("--memory=2g", "--pids-limit=512")
RIGHTS = ("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=50000:0")
# A task may name its executor, and Airflow refuses one that is not configured; the examples bring plugins of their own.
SETTINGS = ("--env=AIRFLOW__CORE__EXECUTOR=KubernetesExecutor", "--env=AIRFLOW__CORE__LOAD_EXAMPLES=False")
# A script each from an argument: a mount would need this host's folders, which a remote engine does not see.
BOOT = f"""
import sys, types
for name, text in zip(("importer", "server"), sys.argv[2:]):
    module = sys.modules[f"{SCRIPTS}.{{name}}"] = types.ModuleType(name)
    exec(compile(text, f"{{name}}.py", "exec"), module.__dict__)
module.main(sys.argv[1])
"""


@dataclass(frozen=True)
class NoAnswer:
    """The container gave no answer, and why."""

    reason: str


@dataclass(frozen=True)
class Gate(BaseGate):
    """The gate of one environment; `lock` is a file by which one process at a time replaces the container.

    `advice` is what its fixes name. An image that is not here is pulled with `is_pulled`, else refused.
    """

    docker: Docker
    image: str
    environment: str
    lock: Path
    advice: Advice = DEFAULT
    clock: Clock = CLOCK
    is_pulled: bool = False

    @cached_property
    def container(self) -> str:
        """The container's name, another one when anything that it is made of changes."""
        digest = hashlib.sha256("\0".join([*self._flags, self.image, *self._command]).encode()).hexdigest()
        return f"harness-{self.environment}-gate-{digest[:12]}"

    @property
    def _flags(self) -> list[str]:
        ours = [*labels.docker_flags(self.environment), f"--label={LABEL}={self.environment}"]
        return [*ours, *RIGHTS, *LIMITS, f"--tmpfs={TMPFS}", *SETTINGS]

    @property
    def _command(self) -> list[str]:
        # -P: the working directory is none of the dag-processor's places for modules.
        return ["python", "-P", "-c", BOOT, ADDRESS, read_script("importer"), read_script("server")]

    def _check(self, request: bytes) -> Answer:
        answer = self._ask(request)
        if isinstance(answer, NoAnswer):
            self._renew()
            answer = self._ask(request)
        if isinstance(answer, NoAnswer):
            raise HarnessError(
                f"the DAG gate, container {self.container}, gave no verdict: {answer.reason}\n{self._logs()}".rstrip(),
                next_step=(f"`docker logs {self.container}` tells more", NO_VERIFY),
            )
        return answer

    def _ask(self, request: bytes) -> Answer | NoAnswer:
        # -I -S: the client needs nothing but the standard library, and starts sooner.
        client = ["python", "-I", "-S", "-c", read_script("client"), ADDRESS]
        result = self._docker("exec", "-i", self.container, *client, stdin=request, timeout_s=CHECK_S)
        if result.returncode != 0:
            return NoAnswer(redact(result.stderr.strip()) or f"exit code {result.returncode}")
        try:
            return Answer(**json.loads(result.stdout))
        except (ValueError, TypeError):
            return NoAnswer("the answer is not whole")

    def _renew(self) -> None:
        """Replace the container, unless another process has just done so, and wait until it answers."""
        with self._alone():
            if isinstance(self._ask(NOTHING), Answer):
                return
            remove_gates(self.docker, self.environment)
            has_image = self.docker.has_images(self.image)
            if not has_image and self.is_pulled:
                self._pull()
            elif not has_image:
                raise UsageError(
                    f"the DAG gate needs the image {self.image}, which is not here yet",
                    next_step=(Verb("up", "makes it"), NO_VERIFY),
                )
            arguments = ["--detach", "--name", self.container, *self._flags, self.image, *self._command]
            result = self._docker("run", *arguments, stdin=None, timeout_s=START_S)
            if result.returncode != 0:
                raise HarnessError(
                    f"the DAG gate, container {self.container}, cannot start: {redact(result.stderr.strip())}",
                    next_step=NO_VERIFY,
                )
            what = f"the DAG gate, container {self.container}"
            wait_until(what, self._probe, timeout_s=START_S, clock=self.clock)

    def _pull(self) -> None:
        try:
            self.docker.pull(self.image)
        except EngineError as error:
            raise HostError(
                f"the DAG gate needs the image {self.image}, which cannot be pulled: {error}",
                next_step=(error.advice, NO_VERIFY),
            ) from None

    def _docker(self, *arguments: str, stdin: bytes | None, timeout_s: float) -> Result:
        """Run the client; an error of ours names the container, since the arguments hold whole scripts."""
        try:
            return run(
                [self.docker.binary, *arguments], stdin=stdin, env=self.docker.env, timeout_s=timeout_s, check=False
            )
        except CommandError:
            raise HarnessError(
                f"the DAG gate, container {self.container}, did not end in {timeout_s:.0f} s",
                next_step=(f"`docker logs {self.container}` tells more", NO_VERIFY),
            ) from None

    def _probe(self) -> Answer | NotYet:
        answer = self._ask(NOTHING)
        if isinstance(answer, Answer):
            return answer
        if self.docker.list_containers(f"{LABEL}={self.environment}").get(self.container) == "running":
            return NotYet(answer.reason)
        raise Unreachable(f"the DAG gate, container {self.container}, ended at its start:\n{self._logs()}")

    def _logs(self) -> str:
        return redact(self.docker.logs(self.container))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        self.lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.lock, timeout=START_S):
                yield
        except Timeout:
            raise HarnessError(
                f"another check has been starting the DAG gate of `{self.environment}` for {START_S} s",
                next_step="end it, and try again",
            ) from None


NOTHING = json.dumps({"files": {}, "executables": [], "folders": [], "environment": {}}).encode() + b"\n"


def list_gates(docker: Docker, environment: str) -> list[str]:
    """Return the gate's containers of an environment, those of earlier images included."""
    return sorted(docker.list_containers(f"{LABEL}={environment}"))


def remove_gates(docker: Docker, environment: str) -> None:
    """Remove the gate's containers of an environment; the next check makes a new one."""
    for container in list_gates(docker, environment):
        docker.call("rm", "--force", "--volumes", container)
