"""The gate's container: how it is asked, started, replaced and removed."""

import json
from dataclasses import replace
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from harness.errors import HarnessError, HostError, UsageError
from harness.gate import gate as gate_module
from harness.gate.container.server import new_result
from harness.gate.gate import BOOT, Gate, list_gates, remove_gates
from harness.waiting import Unreachable

from ..fakes.clock import FakeTime
from ..fakes.command import FakeCommands
from ..samples import DOCKER

SCRIPTS = {
    name: package_files("harness.gate.container").joinpath(f"{name}.py").read_text()
    for name in ("client", "importer", "server")
}
ADDRESS = "/tmp/gate"  # noqa: S108 - in the container
PS = ("docker", "ps", "--all", "--filter", "label=harness.dev/gate=dev", "--format", "{{.Names}}\t{{.State}}")
IMAGE = ("docker", "image", "inspect", "--format=.", "airflow:1")
GONE: dict[str, Any] = {"returncode": 1, "stderr": "Error response from daemon: No such container"}
STARTING: dict[str, Any] = {"returncode": 1, "stderr": "the server of the DAG gate does not answer: [Errno 2]"}
FILES = {"a.py": b"import b", "b.py": b""}


def answer(*dag_ids: str) -> str:
    result = new_result("a.py") | {"dag_ids": dag_ids, "ended": "whole"}
    return json.dumps({"tree": "/check/dags", "limit_s": 50, "discovery_error": "", "results": [result]})


@pytest.fixture
def gate(tmp_path: Path, time: FakeTime) -> Gate:
    return Gate(DOCKER, "airflow:1", "dev", tmp_path / "state" / "gate.lock", clock=time.clock)


def ask(gate: Gate) -> tuple[str, ...]:
    client = ("python", "-I", "-S", "-c", SCRIPTS["client"], ADDRESS)
    return ("docker", "exec", "-i", gate.container, *client)


def start(gate: Gate) -> tuple[str, ...]:
    flags = (
        "--label=app.kubernetes.io/managed-by=harness --label=harness.dev/environment=dev "
        "--label=harness.dev/gate=dev --network=none --read-only --cap-drop=ALL --security-opt=no-new-privileges "
        "--user=50000:0 --memory=2g --pids-limit=512 --tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777,size=512m "
        "--env=AIRFLOW__CORE__EXECUTOR=KubernetesExecutor --env=AIRFLOW__CORE__LOAD_EXAMPLES=False "
        "airflow:1 python -P -c"
    )
    words = ("docker", "run", "--detach", "--name", gate.container, *flags.split())
    return (*words, BOOT, ADDRESS, SCRIPTS["importer"], SCRIPTS["server"])


def test_warm_check_is_one_command_with_variables_by_stdin(commands: FakeCommands, gate: Gate) -> None:
    commands.on(*ask(gate), stdout=answer("a"))
    verdict = gate.check(
        FILES,
        variables={"TOKEN": "s3cr3t"},
        settings={"AIRFLOW__CORE__EXECUTOR": "LocalExecutor", "TOKEN": "a variable wins"},
        executables={"b.py"},
        folders=["inbox"],
    )
    assert verdict.problems == ()
    assert verdict.defined.files == {"a": "a.py"}
    assert verdict.seconds >= 0
    (call,) = commands.calls
    assert "s3cr3t" not in f"{call.argv} {call.env}"
    header, _, bodies = call.stdin.partition(b"\n")
    assert json.loads(header) == {
        "files": {"a.py": 8, "b.py": 0},
        "executables": ["b.py"],
        "folders": ["inbox"],
        "environment": {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor", "TOKEN": "s3cr3t"},
    }
    assert bodies == b"import b"


def test_answer_of_other_shape_is_none(commands: FakeCommands, gate: Gate) -> None:
    commands.on(*ask(gate), stdout='{"tree": "/check/dags"}')
    commands.on(*ask(gate), stdout=answer())
    commands.on(*ask(gate), stdout=answer("a"))
    assert gate.check(FILES, variables={}).problems == ()


def test_first_check_replaces_containers_and_waits_for_its_own(
    commands: FakeCommands, gate: Gate, time: FakeTime
) -> None:
    commands.on(*ask(gate), **GONE)
    commands.on(*ask(gate), **GONE)
    commands.on(*PS, stdout="harness-dev-gate-older\texited\n")
    commands.on("docker", "rm", "--force", "--volumes", "harness-dev-gate-older")
    commands.on(*IMAGE, stdout=".\n")
    commands.on(*start(gate), stdout="0123\n")
    commands.on(*ask(gate), **STARTING)
    commands.on(*PS, stdout=f"{gate.container}\trunning\n")
    commands.on(*ask(gate), stdout=answer())
    commands.on(*ask(gate), stdout=answer("a"))
    assert gate.check(FILES, variables={}).defined.files == {"a": "a.py"}
    assert time.seconds > 0
    verbs = " ".join(argv[1] for argv in commands.argvs)
    assert verbs == "exec exec ps rm image run exec ps exec exec"


def test_container_that_another_process_has_renewed_is_used(commands: FakeCommands, gate: Gate) -> None:
    commands.on(*ask(gate), **GONE)
    commands.on(*ask(gate), stdout=answer())
    commands.on(*ask(gate), stdout=answer("a"))
    assert gate.check(FILES, variables={}).problems == ()


def test_half_an_answer_is_none(commands: FakeCommands, gate: Gate) -> None:
    commands.on(*ask(gate), stdout=answer("a")[:-9])
    commands.on(*ask(gate), stdout=answer())
    commands.on(*ask(gate), stdout=answer("a"))
    assert gate.check(FILES, variables={}).problems == ()


def test_check_that_ends_without_an_answer_twice_is_an_error(commands: FakeCommands, gate: Gate) -> None:
    failed: dict[str, Any] = {"returncode": 1, "stderr": "the check ended without an answer\n"}
    commands.on(*ask(gate), **failed)
    commands.on(*ask(gate), stdout=answer())
    commands.on(*ask(gate), **failed)
    commands.on("docker", "logs", "--tail=20", gate.container, stderr="MemoryError")
    with pytest.raises(HarnessError) as caught:
        gate.check(FILES, variables={})
    assert str(caught.value) == (
        f"the DAG gate, container {gate.container}, gave no verdict: the check ended without an answer\nMemoryError"
    )
    assert caught.value.next_step.startswith(
        f"`docker logs {gate.container}` tells more; `harness dags sync --no-verify`"
    )


def test_missing_image_is_named_and_nothing_is_started(commands: FakeCommands, gate: Gate) -> None:
    commands.on(*ask(gate), **GONE)
    commands.on(*PS)
    commands.on(*IMAGE, returncode=1)
    with pytest.raises(UsageError) as caught:
        gate.check(FILES, variables={})
    assert str(caught.value) == "the DAG gate needs the image airflow:1, which is not here yet"
    assert caught.value.next_step.startswith("`harness up` makes it; `harness dags sync --no-verify`")


def test_missing_image_of_a_cluster_that_is_there_is_pulled(commands: FakeCommands, gate: Gate) -> None:
    gate = replace(gate, is_pulled=True)
    commands.on(*ask(gate), **GONE)
    commands.on(*ask(gate), **GONE)
    commands.on(*PS)
    commands.on(*IMAGE, returncode=1)
    commands.on("docker", "pull", "airflow:1")
    commands.on(*start(gate), stdout="0123\n")
    commands.on(*ask(gate), stdout=answer())
    commands.on(*ask(gate), stdout=answer("a"))
    assert gate.check(FILES, variables={}).problems == ()


@pytest.mark.parametrize(
    ("stderr", "cure"),
    [
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "the image is not of this machine's"),
        ("Error response from daemon: unauthorized: authentication required", "docker login with the registry"),
        ("something else", "`harness dags sync --no-verify`"),
    ],
)
def test_image_that_cannot_be_pulled_names_cure_and_way_past(
    commands: FakeCommands, gate: Gate, stderr: str, cure: str
) -> None:
    gate = replace(gate, is_pulled=True)
    commands.on(*ask(gate), **GONE)
    commands.on(*PS)
    commands.on(*IMAGE, returncode=1)
    commands.on("docker", "pull", "airflow:1", returncode=1, stderr=stderr)
    with pytest.raises(HostError, match="the DAG gate needs the image airflow:1, which cannot be pulled: ") as caught:
        gate.check(FILES, variables={})
    assert stderr in str(caught.value)
    assert caught.value.next_step.startswith(cure)
    assert caught.value.next_step.endswith("`harness dags sync --no-verify` delivers without the gate")


def test_container_that_cannot_start_says_why_without_scripts(commands: FakeCommands, gate: Gate) -> None:
    commands.on(*ask(gate), **GONE)
    commands.on(*PS)
    commands.on(*IMAGE, stdout=".\n")
    commands.on(*start(gate), returncode=125, stderr="no space left on device\n")
    with pytest.raises(HarnessError) as caught:
        gate.check(FILES, variables={})
    assert str(caught.value) == f"the DAG gate, container {gate.container}, cannot start: no space left on device"


def test_server_that_ends_at_its_start_shows_its_output(commands: FakeCommands, gate: Gate) -> None:
    commands.on(*ask(gate), **GONE)
    commands.on(*PS)
    commands.on(*IMAGE, stdout=".\n")
    commands.on(*start(gate))
    commands.on(*PS, stdout=f"{gate.container}\texited\n")
    commands.on("docker", "logs", "--tail=20", gate.container, stderr="No module named 'airflow'")
    with pytest.raises(Unreachable) as caught:
        gate.check(FILES, variables={})
    assert str(caught.value) == (
        f"the DAG gate, container {gate.container}, ended at its start:\nNo module named 'airflow'"
    )


def test_client_that_hangs_is_an_error_without_its_script(commands: FakeCommands, gate: Gate) -> None:
    commands.on(*ask(gate), missing=True)
    with pytest.raises(HarnessError) as caught:
        gate.check(FILES, variables={})
    assert str(caught.value) == f"the DAG gate, container {gate.container}, did not end in 600 s"


def test_one_process_at_a_time_replaces_the_container(
    commands: FakeCommands, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.on(*ask(gate), **GONE)
    monkeypatch.setattr(gate_module, "START_S", 0)
    gate.lock.parent.mkdir()
    with FileLock(gate.lock), pytest.raises(HarnessError) as caught:
        gate.check(FILES, variables={})
    assert str(caught.value) == "another check has been starting the DAG gate of `dev` for 0 s"


def test_name_changes_with_image_and_environment(gate: Gate) -> None:
    assert gate.container.startswith("harness-dev-gate-")
    others = [Gate(DOCKER, "airflow:2", "dev", gate.lock), Gate(DOCKER, "airflow:1", "mine", gate.lock)]
    assert len({gate.container, *(other.container for other in others)}) == 3


def test_all_containers_of_the_environment_are_removed(commands: FakeCommands) -> None:
    commands.on(*PS, stdout="harness-dev-gate-1\trunning\nharness-dev-gate-0\texited\n")
    commands.on("docker", "rm", "--force", "--volumes", "harness-dev-gate-0")
    commands.on("docker", "rm", "--force", "--volumes", "harness-dev-gate-1")
    assert list_gates(DOCKER, "dev") == ["harness-dev-gate-0", "harness-dev-gate-1"]
    remove_gates(DOCKER, "dev")
    assert len(commands.calls) == 4
