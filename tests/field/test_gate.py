"""Folders as people have them, in the image that the cluster runs: which DAGs they define, and what is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import AirflowEnv
from harness.delivery.pack import pack
from harness.gate.base import BaseGate
from harness.gate.gate import Gate, remove_gates
from harness.gate.here import GateHere

from .cases import CASES

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240, func_only=True)]


@pytest.fixture(scope="module", params=["container", "here"])
def gate(
    airflow_env: AirflowEnv, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[BaseGate]:
    """A gate of the tests' own, which all cases share: both kinds have the same verdicts."""
    if request.param == "here":
        yield GateHere()
        return
    parts = airflow_env.environment.parts
    name = f"{parts.settings.name}-field"
    yield Gate(parts.docker, parts.images.airflow, name, tmp_path_factory.mktemp("gate") / "lock")
    remove_gates(parts.docker, name)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.refused])
def test_gate_finds_what_is_there(name: str, gate: BaseGate, tmp_path: Path) -> None:
    case = CASES[name]
    package = pack(case.make(tmp_path / "dags"))
    verdict = gate.check(
        package.files,
        variables={},
        settings=case.settings,
        executables=package.executables,
        folders=package.folders,
        left_out=package.left_out,
    )
    for told, right in ((verdict.problems, case.problems), (verdict.notes, case.notes)):
        lines = [str(line).removeprefix("dags/") for line in told]
        assert len(lines) == len(right), lines
        assert all(line.startswith(start) for line, start in zip(lines, right, strict=True)), lines
    assert verdict.defined.files == case.dags
