"""The gate with the cluster's own image: what it finds, what it lets pass, how fast it is, and that it heals."""

import statistics
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import AirflowEnv

from .bad_dags import BAD, HELPERS, LIMITS, NO_DAG
from .inside import Gate, Verdict, find_advice, list_gates, pack, remove_gates

pytestmark = pytest.mark.timeout(240, func_only=True)

GOOD = """
from airflow.sdk import dag, task


@dag(schedule=None)
def {dag_id}() -> None:
    @task
    def say() -> str:
        return "hello"

    say()


{dag_id}()
"""


@pytest.fixture(scope="module")
def gate(airflow_env: AirflowEnv, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A gate of the tests' own, with the environment's image."""
    parts = airflow_env.environment.parts
    name = f"{airflow_env.settings.name}-e2e"
    lock, advice = tmp_path_factory.mktemp("gate") / "lock", find_advice(parts.settings)
    yield Gate(parts.docker, parts.images.airflow, name, lock, advice)
    remove_gates(parts.docker, name)
    assert list_gates(parts.docker, name) == []


@pytest.fixture(scope="module")
def bad(gate: Gate) -> Verdict:
    """The verdict on a folder with everything that is wrong."""
    texts = {name: text for name, (text, *_) in BAD.items()} | HELPERS
    return gate.check(encode(texts), variables={**LIMITS, "TOKEN": "s3cr3t-value"})


def encode(texts: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in texts.items()}


def good_files(count: int, prefix: str = "good") -> dict[str, bytes]:
    return {f"{prefix}_{i}.py": GOOD.format(dag_id=f"{prefix}_{i}").encode() for i in range(count)}


@pytest.mark.parametrize("name", BAD)
def test_bad_file_gives_its_exact_message(bad: Verdict, name: str) -> None:
    _, where, what, fix = BAD[name]
    assert f"dags/{where}: {what}\n    fix: {fix}" in [str(problem) for problem in bad.problems]


def test_nothing_else_is_found_in_the_bad_folder(bad: Verdict) -> None:
    assert len(bad.problems) == len(BAD)
    assert bad.notes == ()
    assert bad.defined.files == {"twin": "twin_1.py"}


@pytest.mark.parametrize("folder", [Path("dags"), Path("tests/e2e/dags")], ids=str)
def test_our_own_folders_are_good(airflow_env: AirflowEnv, gate: Gate, folder: Path) -> None:
    files = pack(airflow_env.settings.project / folder).files
    verdict = gate.check(files, variables={}, name=str(folder))
    assert (verdict.problems, verdict.notes) == ((), ())
    with_dags = {name for name, content in files.items() if b"@dag(" in content or b"with DAG(" in content}
    assert set(verdict.defined.files.values()) == with_dags
    # The folder's own files hold one DAG each, and are named after it.
    own = {Path(name).stem: name for name in with_dags if "/" not in name}
    assert own.items() <= verdict.defined.files.items()


def test_files_are_found_as_the_dag_processor_finds_them(gate: Gate) -> None:
    texts = {
        ".airflowignore": "old/\n*_draft.py\n",
        "old/bad.py": f"{NO_DAG}1 / 0\n",
        "team/bad_draft.py": f"{NO_DAG}1 / 0\n",
        "plain.py": "1 / 0  # says neither of the words by which a DAG file is known\n",
        "team/sales/daily.py": "from team.shared.names import NAME\n" + GOOD.format(dag_id="daily"),
        "team/shared/names.py": "from pathlib import Path\n\nNAME = (Path(__file__).parent / 'q.sql').read_text()\n",
        "team/shared/q.sql": "select 1",
    }
    verdict = gate.check(encode(texts), variables={})
    assert (verdict.problems, verdict.notes) == ((), ())
    assert verdict.defined.files == {"daily": "team/sales/daily.py"}


def test_rule_that_would_end_the_dag_processor_is_a_problem(gate: Gate) -> None:
    (problem,) = gate.check(encode({".airflowignore": "!\n", "a.py": NO_DAG}), variables={}).problems
    assert str(problem) == (
        "dags/.airflowignore:1: Airflow cannot search the folder: GitIgnorePatternError: Invalid git pattern: '!'\n"
        "    fix: correct the rules: the dag-processor would end with this error"
    )


def test_what_only_the_cluster_can_answer_is_a_note(gate: Gate) -> None:
    texts = {
        "connection.py": 'from airflow.sdk import DAG, BaseHook\n\nBaseHook.get_connection("lake")\n',
        "default.py": "from airflow.sdk import DAG, Variable\n\n"
        'with DAG(Variable.get("id", default="other")):\n    pass\n',
        "network.py": f'{NO_DAG}import socket\nsocket.create_connection(("api.example.com", 443))\n',
        "path.py": f'{NO_DAG}open("/opt/data/regions.csv")\n',
        "variable.py": 'from airflow.sdk import DAG, Variable\n\nregion = Variable.get("region")\n',
        "write.py": f'{NO_DAG}open("/opt/airflow/state", "w")\n',
    }
    verdict = gate.check(encode(texts), variables={})
    assert verdict.problems == ()
    assert [str(note) for note in verdict.notes] == [
        "dags/connection.py:3: not checked: reads Airflow Connection `lake` at import",
        "dags/default.py:3: reads Airflow Variable `id` at import; checked as if there were none",
        "dags/network.py:3: not checked: uses the network at import (api.example.com)",
        "dags/path.py:2: not checked: needs /opt/data/regions.csv at import; not here",
        "dags/variable.py:3: not checked: reads Airflow Variable `region` at import",
        "dags/write.py:2: not checked: needs /opt/airflow/state at import; not here",
    ]
    assert verdict.defined.files == {"other": "default.py"}


def test_variables_are_seen_and_leave_no_trace(airflow_env: AirflowEnv, gate: Gate) -> None:
    secret = f"value-{uuid.uuid4().hex}"
    text = f'{NO_DAG}import os\nprint(os.environ["TOKEN"])\nint(os.getenv("LIMIT"))\n'
    files = encode({"a.py": text})
    assert gate.check(files, variables={"TOKEN": secret, "LIMIT": "1"}).problems == ()
    (problem,) = gate.check(files, variables={"TOKEN": secret}).problems
    assert (
        problem.fix == "this line needs LIMIT: add the key to the Secret airflow-variables, or read it inside of a task"
    )
    (note,) = gate.check(files, variables=None).notes
    assert str(note) == "dags/a.py:3: not checked: reads the environment variable `TOKEN` at import"

    docker = airflow_env.docker
    assert secret not in docker.call("inspect", gate.container) + docker.logs(gate.container, lines=1000)
    left = docker.exec(gate.container, "python", "-c", "import os; print(os.listdir('/tmp'))")
    assert "check-" not in left


def test_file_that_leaves_threads_and_processes_delays_nothing(gate: Gate) -> None:
    text = GOOD.format(dag_id="busy") + (
        "import subprocess, threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        'subprocess.Popen(["sleep", "60"])\n'
    )
    verdict = gate.check(encode({"busy.py": text}), variables={})
    assert verdict.defined.files == {"busy": "busy.py"}
    assert verdict.seconds < 20


def test_twenty_dags_are_checked_at_once(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    files = good_files(20)
    assert gate.check(files, variables={}).problems == ()
    verdicts = [gate.check(files, variables={}) for _ in range(7)]
    assert all(len(verdict.defined.files) == 20 for verdict in verdicts)
    median_s = statistics.median(verdict.seconds for verdict in verdicts)
    with capsys.disabled():
        print(f"\n  gate: 20 DAGs, warm: {median_s:.2f} s")  # noqa: T201 - a number to keep an eye on
    assert median_s < 2  # 0.4 s on an idle machine


def test_concurrent_checks_do_not_mix(gate: Gate) -> None:
    def check(number: int) -> Verdict:
        text = GOOD.format(dag_id="same") + f'import os\nassert os.environ["NUMBER"] == "{number}"\n'
        return gate.check(good_files(5, f"c{number}") | encode({"same.py": text}), variables={"NUMBER": str(number)})

    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(check, range(8)))
    for number, verdict in enumerate(verdicts):
        assert verdict.problems == ()
        assert set(verdict.defined.files) == {"same", *(f"c{number}_{i}" for i in range(5))}


HARM: dict[str, Callable[[AirflowEnv, Gate], object]] = {
    "killed": lambda env, gate: env.docker.call("kill", gate.container),
    "stopped": lambda env, gate: env.docker.call("stop", "--time=1", gate.container),
    "paused": lambda env, gate: env.docker.call("pause", gate.container),
    "removed": lambda env, gate: env.docker.call("rm", "--force", gate.container),
    "without its socket": lambda env, gate: env.docker.exec(gate.container, "rm", "/tmp/gate"),  # noqa: S108 - in the container
}


@pytest.mark.parametrize("harm", HARM)
def test_gate_heals_by_itself(airflow_env: AirflowEnv, gate: Gate, harm: str) -> None:
    files = good_files(2)
    assert gate.check(files, variables={}).problems == ()
    HARM[harm](airflow_env, gate)
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda _: gate.check(files, variables={}), range(2)))
    assert [sorted(verdict.defined.files) for verdict in verdicts] == [["good_0", "good_1"]] * 2
    assert len(list_gates(airflow_env.docker, gate.environment)) == 1


def test_other_image_replaces_the_container(airflow_env: AirflowEnv, gate: Gate) -> None:
    docker = airflow_env.docker
    tag = f"localhost/harness/airflow:gate-{uuid.uuid4().hex[:8]}"
    docker.call("tag", gate.image, tag)
    try:
        other = Gate(docker, tag, gate.environment, gate.lock)
        assert gate.check(good_files(1), variables={}).problems == ()
        assert other.check(good_files(1), variables={}).problems == ()
        assert list_gates(docker, gate.environment) == [other.container]
    finally:
        remove_gates(docker, gate.environment)
        docker.call("rmi", tag)
