"""The gate without an engine: imports the DAG files with the Airflow that is installed beside the harness.

It is for a job that runs in the team's own image. Each check is a process of its own, which imports Airflow anew, and
has nothing of this one's environment but what finds programs and files; unlike a container it has the network.
"""

import json
import sys
from dataclasses import dataclass
from importlib.util import find_spec

from harness.command import CommandError, run
from harness.errors import HarnessError, UsageError
from harness.gate.base import NO_VERIFY, SCRIPTS, BaseGate, read_script
from harness.gate.fixes import DEFAULT, Advice
from harness.gate.verdict import Answer
from harness.redact import redact
from harness.waiting import CLOCK, Clock

CHECK_S = 600
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT")
SETTINGS = {"AIRFLOW__CORE__EXECUTOR": "KubernetesExecutor", "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
# The server and its client, as in the container, for one request: whoever waits for the client ends the server. All are
# one process group, of which this one is the leader, as of each command that the harness starts.
BOOT = f"""
import contextlib, os, shutil, signal, site, socket, sys, tempfile, types
# What is installed, and no project's folder that an editable install has added.
sys.path[:] = [path for path in sys.path if path.startswith((sys.prefix, sys.base_prefix, site.getuserbase()))]
for name in set(os.environ) - set({KEPT!r}):
    del os.environ[name]
leader = os.getpid()
signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
home = tempfile.tempdir = tempfile.mkdtemp(prefix="gate-")
try:
    os.environ.update({SETTINGS!r}, AIRFLOW_HOME=home)
    scripts = {{}}
    for name, text in zip(("importer", "server", "client"), sys.argv[1:]):
        scripts[name] = sys.modules[f"{SCRIPTS}.{{name}}"] = types.ModuleType(name)
        exec(compile(text, f"{{name}}.py", "exec"), scripts[name].__dict__)
    sys.argv[1] = address = os.path.join(home, "gate")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        scripts["server"].import_airflow()
        scripts["server"].serve(listener)
        os._exit(0)
    listener.close()
    client = os.fork()
    if client == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        scripts["client"].main()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(client, 0)[1])
finally:
    if os.getpid() == leader:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(leader, signal.SIGTERM)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
        shutil.rmtree(home, ignore_errors=True)
sys.exit(code)
"""


@dataclass(frozen=True)
class GateHere(BaseGate):
    """The gate of this Python; `advice` is what its fixes name."""

    advice: Advice = DEFAULT
    clock: Clock = CLOCK

    def _check(self, request: bytes) -> Answer:
        if find_spec("airflow") is None:
            raise UsageError(
                f'`gate = "here"` needs an Airflow beside the harness, and {sys.executable} has none',
                next_step=("install the cluster's Airflow there, or set `gate` to `container`", NO_VERIFY),
            )
        scripts = [read_script(name) for name in ("importer", "server", "client")]
        # -P, -E: neither the working directory nor PYTHONPATH is one of the dag-processor's places for modules.
        words = [sys.executable, "-P", "-E", "-c", BOOT, *scripts]
        try:
            result = run(words, stdin=request, timeout_s=CHECK_S, check=False)
        except CommandError:  # which holds the words, and they are whole scripts
            raise HarnessError(f"the DAG gate did not end in {CHECK_S} s", next_step=NO_VERIFY) from None
        try:
            return Answer(**json.loads(result.stdout))
        except (ValueError, TypeError):
            why = redact(result.stderr.strip()) or f"exit code {result.returncode}"
            raise HarnessError(f"the DAG gate gave no verdict: {why}", next_step=NO_VERIFY) from None
