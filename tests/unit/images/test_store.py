"""The image store: filled as a whole or not at all, and cloned into nodes."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from harness.command import CommandError
from harness.errors import HarnessError
from harness.images.context import package_folder
from harness.images.imageset import ImageSet
from harness.images.store import STORE_CTR, Store, remove_folder
from harness.waiting import Unreachable

from ..fakes.clock import FakeTime
from ..fakes.command import FakeCommands
from ..samples import DOCKER, IMAGES, PLATFORM, is_done
from ..samples import REGISTRY_IMAGES as REGISTRY

IMPORT = ("images", "import", "--local", "--platform=linux/arm64", "--discard-unpacked-layers", "-")
RUN_ONCE = ("docker", "run", "--rm", "--network=none", "--user=0", "--security-opt=label=disable", "--entrypoint")


def named(images: ImageSet = IMAGES) -> str:
    return f"harness-store-{images.digest}"


def remove(images: ImageSet = IMAGES) -> tuple[str, ...]:
    return ("docker", "rm", "--force", "--volumes", named(images))


@pytest.fixture
def store(tmp_path: Path, time: FakeTime) -> Store:
    return Store(DOCKER, IMAGES, tmp_path / "state" / "cache", "dev", time.clock)


def expect_start(commands: FakeCommands, store: Store, *, is_seen: bool = True, **answer: Any) -> None:
    partial = store.folder.with_suffix(".partial")
    commands.on(*remove(store.images))
    commands.on(
        *(
            "docker",
            "run",
            "--detach",
            "--privileged",
            "--network=none",
            "--name",
            named(store.images),
            "--entrypoint",
            "bash",
        ),
        *("--label=app.kubernetes.io/managed-by=harness", "--label=harness.dev/environment=dev"),
        *("--mount", f"type=bind,source={partial},target=/store"),
        *("--mount", f"type=bind,source={package_folder('scripts')},target=/scripts,readonly"),
        *(store.images.node, "/scripts/fill"),
        does=lambda _: (partial / "blob").touch() if is_seen else None,
        **answer,
    )


def expect_import(commands: FakeCommands, error: str = "", images: ImageSet = IMAGES) -> None:
    commands.on("docker", "tag", "localhost/harness/pause:abc", "localhost/harness/pause:1")
    commands.on(*PLATFORM, stdout="linux/arm64\n")
    references = [*images.system, *images.release]
    commands.on("docker", "save", *references, stdout="the images")
    unpacked = "".join(f"unpacking {reference} (sha256:1)...done\n" for reference in references)
    answer = {"returncode": 1, "stderr": error} if error else {"stdout": unpacked}
    commands.on("docker", "exec", "-i", named(images), *STORE_CTR, *IMPORT, **answer)
    commands.on("docker", "stop", "-t=30", named(images))


def expect_version(commands: FakeCommands, *codes: int, images: ImageSet = IMAGES) -> None:
    for code in codes:
        commands.on(
            "docker", "exec", named(images), *STORE_CTR, "version", returncode=code, stderr="connection refused"
        )


def test_fill_imports_all_images_and_makes_the_folder_at_the_end(commands: FakeCommands, store: Store) -> None:
    expect_start(commands, store)
    expect_version(commands, 0)
    expect_import(commands)
    said: list[str] = []
    step = store.step()
    assert not is_done(step)
    step.run(said.append)
    assert is_done(step)
    assert said[:4] == [f"{number} of 4 images unpacked" for number in (1, 2, 3, 4)]
    assert said[4].startswith("4 images imported in")
    assert next(call.stdin for call in commands.calls if "import" in call.argv) == b"the images"
    assert commands.argvs[-1] == list(remove())


def test_fill_waits_for_its_containerd(commands: FakeCommands, store: Store, time: FakeTime) -> None:
    expect_start(commands, store)
    expect_version(commands, 1, 1, 0)
    commands.on("docker", "inspect", "--type=container", named(), stdout='[{"State": {"Running": true}}]')
    expect_import(commands)
    store.step().run(str)
    assert time.seconds == 1


def test_containerd_that_ended_is_told_with_its_log(commands: FakeCommands, store: Store) -> None:
    expect_start(commands, store)
    expect_version(commands, 1)
    commands.on("docker", "inspect", "--type=container", named(), stdout='[{"State": {"Running": false}}]')
    commands.on("docker", "logs", "--tail=20", named(), stderr="failed to mount overlay")
    with pytest.raises(Unreachable, match="failed to mount overlay"):
        store.step().run(str)
    assert commands.argvs[-1] == list(remove())


@pytest.mark.parametrize("images", [IMAGES, REGISTRY])
def test_full_disk_leaves_nothing_and_the_next_up_goes_on(
    commands: FakeCommands, store: Store, images: ImageSet
) -> None:
    store = replace(store, images=images)
    expect_start(commands, store)
    expect_version(commands, 0, images=images)
    error = "ctr: failed to write: write /store/ingest/data: no space left on device"
    expect_import(commands, error, images)
    with pytest.raises(HarnessError, match="no space left on device") as caught:
        store.step().run(str)
    assert "make room" in caught.value.next_step
    assert not is_done(store.step())
    assert list(store.folder.parent.iterdir()) == []
    assert commands.argvs[-1] == list(remove(images))
    expect_import(commands, images=images)
    store.step().run(str)
    assert store.is_filled


def test_kubernetes_own_images_need_the_store(commands: FakeCommands, store: Store) -> None:
    expect_start(commands, store)
    expect_version(commands, 0)
    expect_import(commands, "failed to mount overlay: invalid argument")
    with pytest.raises(CommandError, match="failed to mount overlay"):
        store.step().run(str)
    assert not is_done(store.step())
    assert list(store.folder.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("start", "error", "reason"),
    [
        # A network file system, ZFS: https://github.com/containerd/containerd/issues/6273
        ({}, "ctr: failed to mount overlay: invalid argument", "failed to mount overlay"),
        # A socket mounted into a container: https://github.com/devcontainers/features/issues/919
        (
            {"returncode": 125, "stderr": 'invalid mount config for type "bind": bind source path does not exist: /x'},
            "",
            "bind source path does not exist",
        ),
        ({"is_seen": False}, "", "does not see this machine's folders"),
    ],
)
def test_where_no_store_can_be_had_images_are_loaded(
    commands: FakeCommands, store: Store, start: dict[str, Any], error: str, reason: str
) -> None:
    store = replace(store, images=REGISTRY)
    expect_start(commands, store, **start)
    expect_version(commands, 0, images=REGISTRY)
    expect_import(commands, error, REGISTRY)
    said: list[str] = []
    store.step().run(said.append)
    assert reason in said[-1]
    assert not store.is_filled
    assert is_done(store.step())  # found once and for all
    assert [path.suffix for path in store.folder.parent.iterdir()] == [".none"]
    assert reason in store.folder.with_suffix(".none").read_text()


def test_remains_of_a_fill_and_all_stores_but_two_are_removed(commands: FakeCommands, store: Store) -> None:
    partial = store.folder.with_suffix(".partial")
    partial.mkdir(parents=True)
    parent = store.folder.parent
    for age, name in enumerate(("last", "older")):
        (parent / name).mkdir()
        os.utime(parent / name, (1000 - age, 1000 - age))
    expect_start(commands, store)
    expect_version(commands, 0)
    expect_import(commands)
    store.step().run(str)
    assert {path.name for path in parent.iterdir()} == {IMAGES.digest, "last"}


def test_files_of_others_are_removed_by_a_container(
    commands: FakeCommands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rmtree(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr("harness.images.store.shutil.rmtree", rmtree)
    (tmp_path / "old").mkdir()
    commands.on(
        *(*RUN_ONCE, "rm", "--mount", f"type=bind,source={tmp_path},target=/parent"),
        *("node:1", "-rf", "/parent/old"),
    )
    for name in ("old", "never"):
        remove_folder(DOCKER, "node:1", tmp_path / name)
    assert len(commands.calls) == 1


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
