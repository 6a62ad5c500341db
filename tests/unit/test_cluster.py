"""The kind cluster: its configuration, what is the same, and what is removed."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml

from harness.cluster import MARK, Cluster
from harness.command import CommandError
from harness.errors import UsageError
from harness.host import ports
from harness.nodes import remove_cluster, remove_container
from harness.pins import load_pins
from harness.settings import Settings
from harness.tools.kind import Kind

from .fakes.command import FakeCommands
from .samples import DOCKER, IMAGES, PLATFORM, REGISTRY_IMAGES, settings_of

NODE = "harness-dev-control-plane"
LIST = (
    *("docker", "ps", "--all", "--filter", "label=io.x-k8s.kind.cluster=harness-dev"),
    *("--format", "{{.Names}}\t{{.State}}"),
)
NETWORKS = ("docker", "network", "ls", "--quiet", "--filter", r"name=^harness\-dev$")
HELPERS = ("docker", "image", "ls", "--filter", "reference=localhost/harness/postgres:*", "--format", "{{.ID}}")
CTR = ("ctr", "--namespace=k8s.io")
IMPORT = (*CTR, "images", "import", "--local", "--platform=linux/amd64", "--discard-unpacked-layers")
MARKED = ("docker", "exec", NODE, "test", "-e", MARK)


@dataclass
class FakeStore:
    clones: list[Path] = field(default_factory=list)
    is_filled: bool = True

    def clone(self, target: Path) -> None:
        self.clones.append(target)


def exec_in(node: str, *ctr: str) -> tuple[str, ...]:
    return ("docker", "exec", node, *CTR, *ctr)


def make(settings: Settings, images: Any = IMAGES, store: Any = None) -> Cluster:
    return Cluster(settings, DOCKER, Kind(Path("kind")), load_pins(), images, store, lambda: pytest.fail("asked"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path)


@pytest.fixture
def kubeconfig(settings: Settings) -> Path:
    settings.folder.mkdir(parents=True)
    settings.kubeconfig.touch()
    return settings.kubeconfig


def inspected(**others: Any) -> str:
    there = {"image": IMAGES.node, "port": "8080", **others}
    bindings = {"30080/tcp": [{"HostIp": "127.0.0.1", "HostPort": there["port"]}]}
    return json.dumps([{"Id": "abc", "Config": {"Image": there["image"]}, "HostConfig": {"PortBindings": bindings}}])


def test_configuration_opens_one_port_on_this_machine_alone(settings: Settings) -> None:
    config: dict[str, Any] = make(settings).config()
    (node,) = config["nodes"]
    assert config["networking"] == {"apiServerAddress": "127.0.0.1"}
    assert node["role"] == "control-plane"
    assert node["image"] == IMAGES.node
    assert node["extraPortMappings"] == [{"containerPort": 30080, "hostPort": 8080, "listenAddress": "127.0.0.1"}]


def test_workers_have_no_port_and_every_node_its_own_store(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, workers=2, name="my-worker")
    cluster = make(settings, store=FakeStore())
    nodes: Any = cluster.config()["nodes"]
    assert cluster.node_names == [
        *("harness-my-worker-control-plane", "harness-my-worker-worker", "harness-my-worker-worker2"),
    ]
    assert [node["role"] for node in nodes] == ["control-plane", "worker", "worker"]
    assert "extraPortMappings" not in nodes[1]
    stores = [
        mount["hostPath"]
        for node in nodes
        for mount in node["extraMounts"]
        if mount["containerPath"] == "/var/lib/containerd"
    ]
    assert len(set(stores)) == 3


def test_kubeadm_asks_for_system_images_only_where_we_built_them(settings: Settings) -> None:
    ours, official = (str(make(settings, images).config()) for images in (IMAGES, REGISTRY_IMAGES))
    assert "imageRepository: localhost/harness" in ours
    assert load_pins().versions.etcd in ours
    assert "imageRepository" not in official
    assert "failCgroupV1: false" in ours
    assert "failCgroupV1: false" in official


def test_kubernetes_drops_a_lost_node_before_airflow_its_tasks(settings: Settings) -> None:
    patches: Any = make(settings).config()["kubeadmConfigPatches"]
    found = re.search(r"node-monitor-grace-period, value: (\d+)s", str(patches))
    overlay = yaml.safe_load(Path("helm/values/kind.yaml").read_text())
    timers = {name: int(value) for name, value in overlay["config"]["scheduler"].items() if "heartbeat" in name}
    assert found
    # It looks every 5 s, and a task's last heartbeat may have been a whole interval before the node went.
    first_retry_s = timers["task_instance_heartbeat_timeout"] - timers["task_instance_heartbeat_sec"]
    assert int(found[1]) + 5 <= first_retry_s


@pytest.mark.parametrize(
    ("nodes", "marked", "whole"),
    [
        (f"{NODE}\trunning\n", 0, True),
        (f"{NODE}\trunning\n", 1, False),
        (f"{NODE}\texited\n", 0, False),
        (f"{NODE}\trunning\nharness-dev-worker\trunning\n", 0, False),
        ("", 0, False),
    ],
)
@pytest.mark.usefixtures("kubeconfig")
def test_whole_is_what_was_finished_and_runs(
    commands: FakeCommands, settings: Settings, nodes: str, marked: int, *, whole: bool
) -> None:
    commands.on(*LIST, stdout=nodes)
    commands.on(*MARKED, returncode=marked)
    assert make(settings).is_whole() is whole


def test_without_a_kubeconfig_nothing_is_whole(commands: FakeCommands, settings: Settings) -> None:
    commands.on(*LIST, stdout=f"{NODE}\trunning\n")
    assert not make(settings).is_whole()


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ({"image": "localhost/harness/node:old"}, "node image: localhost/harness/node:old there"),
        ({"port": "8081"}, "port: 8081 there, 8080 wanted"),
    ],
)
def test_cluster_that_was_made_differently_is_told(
    commands: FakeCommands, settings: Settings, there: dict[str, str], words: str
) -> None:
    commands.on(*LIST, stdout=f"{NODE}\trunning\n")
    commands.on("docker", "inspect", "--type=container", NODE, stdout=inspected(**there))
    with pytest.raises(UsageError, match=words) as caught:
        make(settings).check_same()
    assert "harness down" in caught.value.next_step


def test_other_number_of_nodes_is_told_and_the_same_is_fine(commands: FakeCommands, tmp_path: Path) -> None:
    commands.on(*LIST, stdout=f"{NODE}\trunning\n")
    commands.on("docker", "inspect", "--type=container", NODE, stdout=inspected())
    make(settings_of(tmp_path)).check_same()
    with pytest.raises(UsageError, match="nodes: 1 there, 2 wanted"):
        make(settings_of(tmp_path, workers=1)).check_same()


@pytest.mark.usefixtures("kubeconfig")
def test_stopped_node_of_a_whole_cluster_is_started(commands: FakeCommands, settings: Settings) -> None:
    commands.on(*LIST, stdout=f"{NODE}\texited\n")
    commands.on("docker", "start", NODE)
    commands.on(*MARKED)
    said: list[str] = []
    make(settings).ensure(said.append)
    assert ["docker", "start", NODE] in commands.argvs
    assert said == [f"starting node {NODE}, which is exited"]


def expect_creation(commands: FakeCommands, settings: Settings) -> None:
    commands.on(*NETWORKS)
    commands.on(
        *("docker", "network", "create", "--label=app.kubernetes.io/managed-by=harness"),
        *("--label=harness.dev/environment=dev", "harness-dev"),
    )
    commands.on("kind", "create", "cluster", "--config=-", f"--kubeconfig={settings.kubeconfig}")
    commands.on("docker", "update", "--restart=unless-stopped", NODE)
    commands.on("docker", "exec", NODE, "touch", MARK)


@pytest.fixture
def free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: True)


@pytest.mark.usefixtures("free_port")
def test_creation_is_marked_at_its_end(commands: FakeCommands, settings: Settings) -> None:
    commands.on(*LIST)
    expect_creation(commands, settings)
    store = FakeStore()
    make(settings, store=store).ensure(str)
    assert commands.argvs[-1] == ["docker", "exec", NODE, "touch", MARK]
    assert store.clones == [settings.folder / "nodes" / NODE]
    assert settings.folder.stat().st_mode & 0o777 == 0o700
    create = next(call for call in commands.calls if call.argv[0] == "kind")
    assert create.env["KIND_EXPERIMENTAL_DOCKER_NETWORK"] == "harness-dev"


@pytest.mark.usefixtures("free_port")
def test_nodes_mount_no_store_where_none_could_be_filled(commands: FakeCommands, settings: Settings) -> None:
    commands.on(*LIST)
    expect_creation(commands, settings)
    store = FakeStore(is_filled=False)
    make(settings, store=store).ensure(str)
    assert store.clones == []
    create = next(call for call in commands.calls if call.argv[0] == "kind")
    assert b"/var/lib/containerd" not in create.stdin


@pytest.mark.usefixtures("free_port", "kubeconfig")
def test_interrupted_creation_is_removed_first(commands: FakeCommands, settings: Settings) -> None:
    commands.on(*LIST, stdout=f"{NODE}\trunning\n")
    commands.on(*MARKED, returncode=1)
    commands.on("docker", "inspect", "--type=container", NODE, stdout='[{"Image": "sha256:1"}]')
    commands.on("docker", "rm", "--force", "--volumes", NODE)
    expect_creation(commands, settings)
    make(settings).ensure(str)
    words = [argv[1] for argv in commands.argvs]
    assert words.index("rm") < words.index("create")


def test_taken_port_ends_it_before_anything_is_made(
    commands: FakeCommands, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    monkeypatch.setattr(ports, "owner_of", lambda _: "nginx (pid 7)")
    commands.on(*LIST)
    with pytest.raises(UsageError, match=r"port 8080 on 127.0.0.1 is taken by nginx \(pid 7\)"):
        make(settings).ensure(str)
    assert not settings.folder.exists()


def test_images_that_a_node_lacks_are_loaded_once_each(commands: FakeCommands, tmp_path: Path) -> None:
    cluster = make(settings_of(tmp_path, workers=1))
    commands.on(*PLATFORM, stdout="linux/amd64")
    for node, held, missing, snapshotter in (
        (NODE, [IMAGES.airflow, IMAGES.statsd_exporter], [IMAGES.postgresql], "overlayfs"),
        ("harness-dev-worker", [], IMAGES.release, "fuse-overlayfs"),
    ):
        config = f"version = 3\n[plugins.'io.containerd.cri.v1.images']\nsnapshotter = '{snapshotter}'\n"
        commands.on(*exec_in(node, "images", "ls", "--quiet"), stdout="\n".join(held))
        commands.on("docker", "exec", node, "containerd", "config", "dump", stdout=config)
        commands.on("docker", "save", *missing, stdout=f"images of {node}")
        commands.on("docker", "exec", "-i", node, *IMPORT, f"--snapshotter={snapshotter}", "-")
    assert cluster.missing_images() == [
        (NODE, IMAGES.postgresql),
        *(("harness-dev-worker", image) for image in IMAGES.release),
    ]
    said: list[str] = []
    cluster.load_images(said.append)
    fed = [call.stdin for call in commands.calls if "import" in call.argv]
    assert fed == [b"images of harness-dev-control-plane", b"images of harness-dev-worker"]
    assert said[0] == f"loading {IMAGES.postgresql} into {NODE}"


def test_node_of_an_older_containerd_gets_ctr_s_own_snapshotter(commands: FakeCommands, settings: Settings) -> None:
    commands.on(*PLATFORM, stdout="linux/amd64")
    commands.on("docker", "exec", NODE, "containerd", "config", "dump", stdout="version = 2\n")
    commands.on("docker", "save", "a:1", stdout="the image")
    commands.on("docker", "exec", "-i", NODE, *IMPORT, "-")
    make(settings).load(NODE, "a:1")
    assert commands.calls[-1].stdin == b"the image"


def test_image_by_a_short_name_is_found_in_a_node(commands: FakeCommands, settings: Settings) -> None:
    held = "docker.io/library/a:1\ndocker.io/library/p:1\nregistry.test/s:1"
    commands.on(*exec_in(NODE, "images", "ls", "--quiet"), stdout=held)
    assert make(settings, REGISTRY_IMAGES).missing_images() == [(NODE, "s:1")]


@pytest.mark.usefixtures("kubeconfig")
def test_removal_takes_nodes_network_and_folder(commands: FakeCommands, settings: Settings) -> None:
    commands.on(*LIST, stdout=f"{NODE}\tdead\nharness-dev-worker\trunning\n")
    for node in (NODE, "harness-dev-worker"):
        commands.on("docker", "inspect", "--type=container", node, stdout='[{"Image": "sha256:1"}]')
        commands.on("docker", "rm", "--force", "--volumes", node)
    commands.on(*NETWORKS, stdout="0123\n")
    commands.on("docker", "network", "rm", "0123")
    other = settings.state / "envs" / "other"
    other.mkdir()
    remove_cluster(DOCKER, settings)
    assert ["docker", "network", "rm", "0123"] in commands.argvs
    assert not settings.folder.exists()
    assert other.exists()


@pytest.mark.usefixtures("kubeconfig", "_files_of_others")
@pytest.mark.parametrize(("nodes", "helper"), [(f"{NODE}\trunning\n", "sha256:1"), ("", "0123")])
def test_files_of_others_are_removed_by_an_image_that_is_here(
    commands: FakeCommands, settings: Settings, nodes: str, helper: str
) -> None:
    commands.on(*LIST, stdout=nodes)
    commands.on(*HELPERS, stdout="0123\n4567\n")
    commands.on("docker", "inspect", "--type=container", NODE, stdout='[{"Image": "sha256:1"}]')
    commands.on("docker", "rm", "--force", "--volumes", NODE)
    commands.on(*NETWORKS)
    commands.on(
        *("docker", "run", "--rm", "--network=none", "--user=0", "--security-opt=label=disable", "--entrypoint", "rm"),
        *("--mount", f"type=bind,source={settings.folder.parent},target=/parent", helper, "-rf", "/parent/dev"),
    )
    remove_cluster(DOCKER, settings)
    assert helper in commands.argvs[-1]


@pytest.mark.usefixtures("kubeconfig", "_files_of_others")
def test_files_of_others_without_any_image_are_told(commands: FakeCommands, settings: Settings) -> None:
    for words in (LIST, HELPERS, NETWORKS):
        commands.on(*words)
    with pytest.raises(UsageError, match="Permission denied") as caught:
        remove_cluster(DOCKER, settings)
    assert caught.value.next_step == f"sudo rm -r {settings.folder}"


@pytest.fixture
def _files_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def rmtree(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("harness.nodes.shutil.rmtree", rmtree)


def test_removal_of_nothing_is_fine(commands: FakeCommands, settings: Settings) -> None:
    commands.on(*LIST)
    commands.on(*NETWORKS)
    remove_cluster(DOCKER, settings)


def test_orphaned_kind_of_this_environment_alone_is_ended(
    commands: FakeCommands, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def process(*argv: str) -> Mock:
        return Mock(info={"cmdline": list(argv) or None})

    orphan = process("kind", "create", "cluster", f"--kubeconfig={settings.kubeconfig}")
    others = [process("kind", "create", "cluster", f"--kubeconfig={settings.kubeconfig}-other"), process()]
    monkeypatch.setattr("psutil.process_iter", lambda _: [*others, orphan])
    commands.on(*LIST)
    commands.on(*NETWORKS)
    remove_cluster(DOCKER, settings)
    orphan.kill.assert_called_once()
    for other in others:
        other.kill.assert_not_called()


REMOVE = ("docker", "rm", "--force", "--volumes", NODE)


def test_frozen_container_is_thawed_and_removed(commands: FakeCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    thawed: list[str] = []
    monkeypatch.setattr("harness.nodes.freezer.thaw", thawed.append)
    commands.on(*REMOVE, returncode=1, stderr="tried to kill container, but did not receive an exit event")
    commands.on(*REMOVE)
    commands.on("docker", "inspect", "--type=container", NODE, stdout=inspected())
    remove_container(DOCKER, NODE)
    assert thawed == ["abc"]
    assert commands.argvs.count(list(REMOVE)) == 2


def test_container_that_cannot_be_removed_is_told(commands: FakeCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.nodes.freezer.thaw", lambda _: 0)
    commands.on(*REMOVE, returncode=1, stderr="device or resource busy")
    commands.on("docker", "inspect", "--type=container", NODE, stdout=inspected())
    with pytest.raises(CommandError, match="device or resource busy"):
        remove_container(DOCKER, NODE)
