"""A session that is cut short leaves nothing: the interrupted one cleans up, after the killed one the next does."""

import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from harness import AirflowEnv, DagRun, NotYet, Unreachable, wait_until

from .inside import WORKER_SELECTOR, start_detached

pytestmark = pytest.mark.timeout(240, func_only=True)

# What a team's own test looks like: it waits for a run that does not end.
INNER = """
import signal

# As at a terminal: what a script's shell starts in the background does not hear Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

def test_inner(runs):
    run = runs.start("e2e_bystander", {"seconds": 600})
    run.wait_until_running("wait")
    print("RUNNING", run.run_id, flush=True)
    run.wait(timeout_s=600)
"""
LEFT = "def test_inner(recorder): print(recorder.pods())"
INTERRUPTED = 2


@dataclass
class Inner:
    """A pytest session in a process of its own, on the environment of this one."""

    folder: Path
    env: AirflowEnv

    def start(self, text: str) -> psutil.Process:
        """Start it."""
        (self.folder / "test_inner.py").write_text(text)
        (self.folder / "pytest.ini").write_text("[pytest]\n")
        options = ["-s", "-c", str(self.folder / "pytest.ini"), "-p", "no:cacheprovider", "--e2e-report", "report"]
        words = [*options, "--airflow-env", self.env.settings.name, str(self.folder / "test_inner.py")]
        # Not CI: there a session begins with a new environment.
        return psutil.Process(
            start_detached([sys.executable, "-m", "pytest", *words], log=self.log, env={"CI": "", "PYTEST_ADDOPTS": ""})
        )

    @property
    def log(self) -> Path:
        """Return where its output goes."""
        return self.folder / "log.txt"

    def start_and_wait_for_its_run(self) -> tuple[psutil.Process, str]:
        """Start a session and return it with the id of its run when that runs."""
        process = self.start(INNER)

        def probe() -> str | NotYet:
            text = self.log.read_text()
            if found := re.search(r"RUNNING (\S+)", text):
                return found[1]
            if process.status() == psutil.STATUS_ZOMBIE:
                raise Unreachable(f"the session ended:\n{text}")
            return NotYet(next(iter(text.splitlines()[-1:]), "no output"))

        return process, wait_until("the run of an inner session", probe, timeout_s=90)


@pytest.fixture
def inner(airflow_env: AirflowEnv, tmp_path: Path) -> Iterator[Inner]:
    """Yield a session's maker; none of its processes outlives the test."""
    session = Inner(tmp_path, airflow_env)
    yield session
    below = [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    left = [child for child in below if str(tmp_path) in " ".join(child.cmdline())]
    for child in left:
        child.kill()
    psutil.wait_procs(left, timeout=10)


def test_interrupted_session_leaves_no_run_no_pod_and_no_process(inner: Inner, airflow_env: AirflowEnv) -> None:
    process, run_id = inner.start_and_wait_for_its_run()
    below = process.children(recursive=True)

    process.send_signal(signal.SIGINT)

    assert process.wait(90) == INTERRUPTED, inner.log.read_text()
    assert not [child for child in below if child.is_running()]
    assert run_of(airflow_env, run_id).state == "failed"
    assert not pods_of(airflow_env, run_id)
    assert (inner.folder / "report/report.html").is_file()


def test_after_a_killed_session_the_next_ends_its_run(inner: Inner, airflow_env: AirflowEnv) -> None:
    process, run_id = inner.start_and_wait_for_its_run()
    process.kill()
    process.wait(10)
    assert run_of(airflow_env, run_id).state == "running"
    assert pods_of(airflow_env, run_id)

    assert inner.start(LEFT).wait(90) == 0, inner.log.read_text()

    assert run_of(airflow_env, run_id).state == "failed"

    def probe() -> bool | NotYet:
        left = pods_of(airflow_env, run_id)
        return NotYet(", ".join(left)) if left else True

    wait_until("the end of the killed session's pods", probe, timeout_s=60)


def run_of(env: AirflowEnv, run_id: str) -> DagRun:
    return env.airflow.dag_run("e2e_bystander", run_id)


def pods_of(env: AirflowEnv, run_id: str) -> list[str]:
    pods = env.kubernetes.list("Pod", env.namespace, label_selector=WORKER_SELECTOR)
    return [pod["metadata"]["name"] for pod in pods if pod["metadata"]["annotations"]["run_id"] == run_id]
