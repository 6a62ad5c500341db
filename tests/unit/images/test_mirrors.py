"""Images from packages: their names before anything is built, and the order in which they are."""

import shutil
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from harness.errors import UsageError
from harness.images.mirrors import EXPORTER, Mirrors
from harness.pins import Pins, load_pins
from harness.steps import Step
from harness.tools.go import Go

from ..fakes.command import FakeCommands
from ..fakes.host import FakeHost
from ..samples import CHOICE, DOCKER, is_done


@pytest.fixture
def go(tmp_path: Path) -> Go:
    return Go(tmp_path)


def recipes(go: Go, pins: Pins | None = None, host: FakeHost | None = None) -> Mirrors:
    return Mirrors(DOCKER, go, pins or load_pins(), host or FakeHost(), CHOICE)


def changed(**versions: str) -> Pins:
    pins = load_pins()
    return pins.model_copy(update={"versions": pins.versions.model_copy(update=versions)})


def step_of(steps: list[Step], name: str) -> Step:
    return next(step for step in steps if step.name == name)


def steps_with(commands: FakeCommands, go: Go, *, has_nodes: bool, **others: Any) -> list[Step]:
    mirrors = recipes(go, **others)
    nodes = [mirrors._node(stage) for stage in mirrors._all_stages]
    commands.on("docker", "image", "inspect", "--format=.", *nodes, returncode=0 if has_nodes else 1)
    return mirrors.steps()


def test_kubernetes_finds_each_system_image_by_its_own_name(go: Go) -> None:
    versions = load_pins().versions
    system = recipes(go).images().system
    for name in (
        *(f"kube-{part}:v{versions.kubernetes}" for part in ("apiserver", "controller-manager", "scheduler", "proxy")),
        f"etcd:{versions.etcd}",
        f"coredns:{versions.coredns}",
    ):
        assert system[f"localhost/harness/{name}"].startswith("localhost/harness/")


def test_names_are_known_without_an_engine_and_stay(go: Go, commands: FakeCommands) -> None:
    assert recipes(go).images() == recipes(go).images()
    assert commands.calls == []


def test_only_what_a_version_goes_into_gets_a_new_name(go: Go) -> None:
    before = recipes(go).images()
    kubernetes = recipes(go, changed(kubernetes="1.37.9")).images()
    assert kubernetes.node != before.node
    assert (kubernetes.airflow, kubernetes.postgresql) == (before.airflow, before.postgresql)
    debian = recipes(go, changed(debian="trixie")).images()
    assert not {before.node, before.airflow, before.postgresql} & {debian.node, debian.airflow, debian.postgresql}


def test_nothing_is_compiled_for_images_that_are_there(commands: FakeCommands, go: Go) -> None:
    names = [step.name for step in steps_with(commands, go, has_nodes=True)]
    assert names == ["image base", "image node", "image airflow", "image postgres", "image statsd-exporter"]


def test_exporter_is_its_binary_and_nothing_else(
    commands: FakeCommands, go: Go, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "binary").touch()
    monkeypatch.setattr(Go, "ensure", lambda _, command, __: tmp_path / "binary" if command == EXPORTER else None)
    tag = recipes(go).images().statsd_exporter
    commands.on("docker", "build", "--progress=plain", "--tag", tag, ANY)
    step_of(steps_with(commands, go, has_nodes=True), "image statsd-exporter").run(str)
    assert commands.argvs[-1][4] == tag


def test_all_is_compiled_between_base_and_node(commands: FakeCommands, go: Go) -> None:
    names = [step.name for step in steps_with(commands, go, has_nodes=False)]
    assert names[0] == "image base"
    assert names[-4:] == ["image node", "image airflow", "image postgres", "image statsd-exporter"]
    assert "compile kube" in names
    assert all(name.startswith("compile ") for name in names[1:-4])


def test_compiled_command_is_not_compiled_again(commands: FakeCommands, go: Go) -> None:
    step = step_of(steps_with(commands, go, has_nodes=False), "compile etcd")
    assert not is_done(step)
    command = next(command for command in recipes(go)._commands if command.name == "etcd")
    go.binary(command).parent.mkdir(parents=True)
    go.binary(command).touch()
    assert is_done(step)


def test_base_is_debian_and_nothing_else(commands: FakeCommands, go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    recipe = recipes(go)._debootstrap
    assert (recipe[0], *recipe[-2:]) == ("mmdebstrap", load_pins().versions.debian, "-")
    commands.on(*recipe, stdout="tar")
    commands.on("docker", "import", "-", ANY)
    step_of(steps_with(commands, go, has_nodes=True), "image base").run(str)
    assert commands.calls[-1].stdin == b"tar"


@pytest.mark.parametrize("host", [FakeHost(is_root=False), FakeHost(is_debian_like=False)])
def test_without_mmdebstrap_the_cure_is_told(
    commands: FakeCommands, go: Go, monkeypatch: pytest.MonkeyPatch, host: FakeHost
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(UsageError, match="needs mmdebstrap") as caught:
        step_of(steps_with(commands, go, has_nodes=True, host=host), "image base").run(str)
    assert "apt-get install mmdebstrap" in caught.value.next_step


def test_long_compilation_is_announced(commands: FakeCommands, go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(Go, "ensure", lambda self, command, *_: self.binary(command))
    step_of(steps_with(commands, go, has_nodes=False), "compile kube").run(said.append)
    assert "minutes" in said[0]


def test_each_stage_of_the_node_is_built_on_the_base(
    commands: FakeCommands, go: Go, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Go, "ensure", lambda *_: tmp_path / "binary")
    (tmp_path / "binary").touch()
    mirrors = recipes(go)
    secrets = ["--secret", ANY, "--secret", ANY]
    for stage in mirrors._all_stages:
        words = ["docker", "build", "--progress=plain", "--tag", mirrors._node(stage), "--target", stage]
        for number in (2, 4):
            commands.on(*words, "--build-arg", f"BASE={mirrors.base}", *secrets[:number], ANY)
    mirrors._build_node(str)
    targets = [argv[argv.index("--target") + 1] for argv in commands.argvs]
    assert targets == mirrors._all_stages
    assert targets[0] == "node"
