"""DAG files that break where Airflow reads them, past the gate: the others are read, run and edited as before."""

import shutil
from collections.abc import Iterator
from datetime import datetime

import pytest

from harness import AirflowEnv, CommandError, NotYet, Runs, wait_until
from harness.faults import Faults
from support.times import utc_now

from ..conftest import DAGS, DeliveredDags
from ..dag_texts import say
from ..inside import KUBECTL, pack
from .components import restarts

pytestmark = pytest.mark.timeout(240, func_only=True)

# The third ends after Airflow's [core] dagbag_import_timeout, 30 s.
BROKEN = {
    "e2e_raises.py": ("raise RuntimeError('at import')", "RuntimeError: at import"),
    "e2e_exits.py": ("import sys\nsys.exit(3)", "SystemExit: 3"),
    "e2e_hangs.py": ("import time\ntime.sleep(600)", "AirflowTaskTimeout"),
}
# It leaves its number where the dag-processor's other processes are seen.
TRACE = "/tmp/e2e_dies"  # noqa: S108 - in a container
DIES = f"import os\nopen('{TRACE}', 'a').write(f'{{os.getpid()}}\\n')\nos._exit(9)"
HINT = "# airflow dag\n"  # Airflow reads no file without these words
NEWCOMER = "e2e_newcomer"
TOLD_WITHIN_S = 90


@pytest.fixture(scope="module")
def written(delivered_dags: DeliveredDags, tmp_path_factory: pytest.TempPathFactory) -> Iterator[datetime]:
    """Write four broken files and a new DAG beside the others at once, and yield when; undone at the end."""
    folder = tmp_path_factory.mktemp("broken") / "dags"
    shutil.copytree(DAGS, folder)
    for name, text in {**{name: text for name, (text, _) in BROKEN.items()}, "e2e_dies.py": DIES}.items():
        (folder / name).write_text(HINT + text)
    (folder / f"{NEWCOMER}.py").write_text(say(NEWCOMER, "hello"))
    try:
        delivered_dags.bundle.store.write(pack(folder), force=True)
        yield utc_now()
    finally:
        delivered_dags.sync()


@pytest.mark.parametrize("name", BROKEN)
def test_file_that_breaks_at_import_is_told_with_its_reason(
    written: datetime, airflow_env: AirflowEnv, fault: Faults, name: str
) -> None:
    bundle = "e2e"

    def told() -> str | NotYet:
        errors = {error.filename: error.stack_trace for error in airflow_env.airflow.import_errors(bundle_name=bundle)}
        return errors.get(name) or NotYet(f"told: {', '.join(errors) or 'none'}")

    trace = wait_until(f"the import error of {name}", told, timeout_s=TOLD_WITHIN_S)
    reasons = [line.strip() for line in trace.splitlines() if BROKEN[name][1] in line]
    fault.note(f"{name} breaks at import", reasons[-1] if reasons else "", written)


def test_other_dags_load_and_run_beside_files_that_break(
    written: datetime, airflow_env: AirflowEnv, runs: Runs, fault: Faults
) -> None:
    before = restarts(airflow_env, "dag-processor")

    def known() -> bool | NotYet:
        return airflow_env.airflow.dag(NEWCOMER) is not None or NotYet("it is unknown")

    wait_until("the new DAG beside broken ones", known, timeout_s=TOLD_WITHIN_S)
    proof = wait_until("the end of a process that reads", lambda: ended(airflow_env), timeout_s=TOLD_WITHIN_S)
    injection = fault.note("a file ends the process that reads it", proof, written)
    fault.note_recovery(injection)
    assert airflow_env.airflow.dag("e2e_dies") is None
    for dag_id, tasks in ((NEWCOMER, {"say": 1}), ("e2e_chain", {"first": 1, "second": 1, "third": 1})):
        runs.run(dag_id, timeout_s=90).check(tasks)
    assert restarts(airflow_env, "dag-processor") == before


def ended(env: AirflowEnv) -> str | NotYet:
    """Tell which process of the dag-processor read the file that ends it, once that is gone."""
    read = in_dag_processor(env, "cat", TRACE).split()
    alive = in_dag_processor(env, "ls", "/proc").split()
    gone = [number for number in read if number not in alive]
    return f"process {gone[0]} read it and is gone" if gone else NotYet(f"processes that read it: {read}")


def in_dag_processor(env: AirflowEnv, *command: str) -> str:
    try:
        return env.docker.exec(
            env.control_plane,
            *(*KUBECTL, "--namespace", env.namespace, "exec", "deploy/airflow-dag-processor", "--", *command),
        )
    except CommandError:
        return ""  # no process has left its number yet
