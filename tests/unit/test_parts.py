"""The parts: each made for these settings, only when it is asked for, and an error that names what makes it."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.gate.here import GateHere
from harness.images.mirrors import Mirrors
from harness.images.registry import Registry
from harness.parts import Outside, Parts

from .fakes.command import FakeCommands
from .samples import DOCKER, INFO, info, make_executable, settings_of

OUTSIDE = Outside(find_docker=lambda: DOCKER, connect=lambda _: pytest.fail("asked for a cluster"))


def make(folder: Path, **settings: object) -> Parts:
    return Parts(settings_of(folder, **settings), OUTSIDE)


def test_dags_folder_and_settings_need_no_engine_and_no_cluster(tmp_path: Path) -> None:
    parts = Parts(settings_of(tmp_path), Outside(find_docker=lambda: pytest.fail("asked for an engine")))
    parts.settings.dags_folder.mkdir()
    (parts.settings.dags_folder / "a.py").write_text("x = 1\n")
    assert "a.py" in parts.dags.package().files


def test_gate_here_needs_no_engine_and_no_cluster(tmp_path: Path) -> None:
    outside = Outside(find_docker=lambda: pytest.fail("engine"), connect=lambda _: pytest.fail("cluster"))
    settings = settings_of(tmp_path, gate="here", context="team", kubeconfig=tmp_path / "k")
    assert isinstance(Parts(settings, outside).gate, GateHere)


def test_recipes_follow_the_choice(tmp_path: Path) -> None:
    assert isinstance(make(tmp_path, images="mirrors").recipes, Mirrors)
    registry = make(tmp_path, images="registry", registry_mirror="mirror.test:5000").recipes
    assert isinstance(registry, Registry)
    assert registry.images().node.startswith("mirror.test:5000/")


def test_store_is_for_an_engine_that_sees_this_host_s_folders(tmp_path: Path, commands: FakeCommands) -> None:
    for answer in (info(), info(OperatingSystem="Docker Desktop"), "{}"):
        commands.on("docker", *INFO, stdout=answer)
    stores = [make(tmp_path, images="registry").store for _ in range(3)]
    assert stores[0]
    assert stores[0].cache == tmp_path / "state" / "cache"
    assert stores[1:] == [None, None]


@pytest.mark.parametrize("name", ["kind", "helm"])
def test_missing_tool_says_who_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match=rf"{name} \d+\.\d+\.\d+ is not here yet") as caught:
        getattr(make(tmp_path), name)
    assert caught.value.next_step == "harness up"


def test_tools_use_this_environment_s_kubeconfig_alone(
    tmp_path: Path, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    one, two = (make(tmp_path, name=name) for name in ("one", "two"))
    binary = one.binaries[1]
    commands.on(str(make_executable(tmp_path / "bin" / "helm")), *binary.version_args, stdout=binary.version)
    assert one.helm.kubeconfig == tmp_path / "state" / "envs" / "one" / "kubeconfig"
    assert two.helm.kubeconfig != one.helm.kubeconfig
    assert one.dags.target.environment == "one"
