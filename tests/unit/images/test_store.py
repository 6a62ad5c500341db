"""The image store: filled as a whole or not at all, and cloned into nodes."""

import os
from pathlib import Path
from unittest.mock import ANY

import pytest

from harness.command import CommandError
from harness.images.context import package_folder
from harness.images.store import STORE_CTR, Store
from harness.waiting import Unreachable

from ..fakes.clock import FakeTime
from ..fakes.command import FakeCommands
from ..samples import DOCKER, IMAGES, PLATFORM, is_done

NAME = f"harness-store-{IMAGES.digest}"
REMOVE = ("docker", "rm", "--force", "--volumes", NAME)
IMPORT = ("images", "import", "--local", "--platform=linux/arm64", "--discard-unpacked-layers", "-")
IN_ALL = ("localhost/harness/pause:1", *IMAGES.release)
RUN_ONCE = ("docker", "run", "--rm", "--network=none", "--user=0", "--security-opt=label=disable", "--entrypoint")


@pytest.fixture
def store(tmp_path: Path, time: FakeTime) -> Store:
    return Store(DOCKER, IMAGES, tmp_path / "state" / "cache", "dev", time.clock)


def expect_start(commands: FakeCommands, store: Store) -> None:
    commands.on(*REMOVE)
    commands.on(
        *("docker", "run", "--detach", "--privileged", "--network=none", "--name", NAME, "--entrypoint", "bash"),
        *("--label=app.kubernetes.io/managed-by=harness", "--label=harness.dev/environment=dev"),
        *("--mount", f"type=bind,source={store.folder.with_suffix('.partial')},target=/store"),
        *("--mount", f"type=bind,source={package_folder('scripts')},target=/scripts,readonly"),
        *(IMAGES.node, "/scripts/fill"),
    )


def expect_import(commands: FakeCommands, returncode: int = 0) -> None:
    commands.on("docker", "tag", "localhost/harness/pause:abc", "localhost/harness/pause:1")
    commands.on(*PLATFORM, stdout="linux/arm64\n")
    commands.on("docker", "save", *IN_ALL, stdout="the images")
    commands.on("docker", "exec", "-i", NAME, *STORE_CTR, *IMPORT, returncode=returncode, stderr="no space left")
    commands.on("docker", "stop", "-t=30", NAME)


def expect_version(commands: FakeCommands, *codes: int) -> None:
    for code in codes:
        commands.on("docker", "exec", NAME, *STORE_CTR, "version", returncode=code, stderr="connection refused")


def test_fill_imports_all_images_and_makes_the_folder_at_the_end(commands: FakeCommands, store: Store) -> None:
    expect_start(commands, store)
    expect_version(commands, 0)
    expect_import(commands)
    said: list[str] = []
    step = store.step()
    assert not is_done(step)
    step.run(said.append)
    assert is_done(step)
    assert said[0].startswith("4 images imported in")
    assert next(call.stdin for call in commands.calls if "import" in call.argv) == b"the images"
    assert commands.argvs[-1] == list(REMOVE)


def test_fill_waits_for_its_containerd(commands: FakeCommands, store: Store, time: FakeTime) -> None:
    expect_start(commands, store)
    expect_version(commands, 1, 1, 0)
    commands.on("docker", "inspect", "--type=container", NAME, stdout='[{"State": {"Running": true}}]')
    expect_import(commands)
    store.step().run(str)
    assert time.seconds == 1


def test_containerd_that_ended_is_told_with_its_log(commands: FakeCommands, store: Store) -> None:
    expect_start(commands, store)
    expect_version(commands, 1)
    commands.on("docker", "inspect", "--type=container", NAME, stdout='[{"State": {"Running": false}}]')
    commands.on("docker", "logs", "--tail=20", NAME, stderr="failed to mount overlay")
    with pytest.raises(Unreachable, match="failed to mount overlay"):
        store.step().run(str)
    assert commands.argvs[-1] == list(REMOVE)


def test_import_that_fails_leaves_no_store_and_no_container(commands: FakeCommands, store: Store) -> None:
    expect_start(commands, store)
    expect_version(commands, 0)
    expect_import(commands, returncode=1)
    with pytest.raises(CommandError, match="no space left"):
        store.step().run(str)
    assert not is_done(store.step())
    assert commands.argvs[-1] == list(REMOVE)


def test_remains_of_a_fill_and_all_stores_but_two_are_removed(commands: FakeCommands, store: Store) -> None:
    partial = store.folder.with_suffix(".partial")
    partial.mkdir(parents=True)
    parent = store.folder.parent
    for age, name in enumerate(("last", "older")):
        (parent / name).mkdir()
        os.utime(parent / name, (1000 - age, 1000 - age))
    for folder in (partial, parent / "older"):
        commands.on(
            *RUN_ONCE,
            "rm",
            *("--mount", f"type=bind,source={parent},target=/parent", IMAGES.node, "-rf", f"/parent/{folder.name}"),
            does=lambda _, folder=folder: folder.rmdir(),
        )
    expect_start(commands, store)
    expect_version(commands, 0)
    expect_import(commands)
    store.step().run(str)
    assert {path.name for path in parent.iterdir()} == {IMAGES.digest, "last"}


def test_clone_has_both_ends_below_one_mount(commands: FakeCommands, store: Store) -> None:
    state = store.cache.parent
    target = state / "envs" / "dev" / "nodes" / "node"
    commands.on(
        *RUN_ONCE,
        "bash",
        *("--mount", f"type=bind,source={state},target=/state", "--mount", ANY, IMAGES.node),
        *("/scripts/clone", f"/state/cache/store/{IMAGES.digest}", "/state/envs/dev/nodes/node"),
    )
    store.clone(target)
    assert target.parent.is_dir()
