"""The parts: each made for these settings, and an error that names what `up` makes."""

from pathlib import Path
from typing import Any

import pytest

from harness import parts as parts_module
from harness.errors import UsageError
from harness.images.mirrors import Mirrors
from harness.images.registry import Registry
from harness.parts import Parts

from .fakes.command import FakeCommands
from .samples import DOCKER, IMAGES, INFO, info, settings_of


def make(folder: Path, **settings: Any) -> Parts:
    made = Parts(settings_of(folder, **settings))
    made.__dict__.update(docker=DOCKER)
    return made


def test_recipes_follow_the_choice(tmp_path: Path) -> None:
    assert isinstance(make(tmp_path, images="mirrors").recipes, Mirrors)
    registry = make(tmp_path, images="registry", registry_mirror="mirror.test:5000").recipes
    assert isinstance(registry, Registry)
    assert registry.images().node.startswith("mirror.test:5000/")


def test_store_is_for_an_engine_that_sees_this_host_s_folders(tmp_path: Path, commands: FakeCommands) -> None:
    for answer in (info(), info(OperatingSystem="Docker Desktop"), "{}"):
        commands.on("docker", *INFO, stdout=answer)
    stores = []
    for _ in range(3):
        parts = make(tmp_path)
        parts.__dict__["images"] = IMAGES
        stores.append(parts.store)
    assert stores[0]
    assert stores[0].cache == tmp_path / "state" / "cache"
    assert stores[1:] == [None, None]


@pytest.mark.parametrize("name", ["kind", "helm"])
def test_missing_tool_says_who_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(parts_module, "find_binary", lambda *_: None)
    with pytest.raises(UsageError, match=rf"{name} \d+\.\d+\.\d+ is not here yet") as caught:
        getattr(make(tmp_path), name)
    assert caught.value.next_step == "harness up"


def test_tools_use_this_environment_s_kubeconfig_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "find_binary", lambda *_: Path("/bin/found"))
    one, two = (make(tmp_path, name=name) for name in ("one", "two"))
    assert one.helm.kubeconfig == tmp_path / "state" / "envs" / "one" / "kubeconfig"
    assert two.helm.kubeconfig != one.helm.kubeconfig
    assert one.dags.target.environment == "one"
