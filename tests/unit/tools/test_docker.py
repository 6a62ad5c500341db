"""The docker client: its exact commands, and what is made of the answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.command import CommandError, HostCommandError
from harness.errors import UsageError
from harness.tools.docker import Docker, Mount, find_client
from harness.tools.engine import Engine

from ..fakes.command import FakeCommands
from ..samples import DOCKER, INFO, PLATFORM, info, make_executable

OLD = "Docker version 20.10.24+dfsg1, build 297e128\n"
NEW = "Docker version 29.0.1, build abc\n"


def test_engine_is_read_from_docker_info(commands: FakeCommands) -> None:
    commands.on("docker", *INFO, stdout=info(CgroupVersion="1"))
    assert DOCKER.engine() == Engine(
        version="29.0",
        cgroup_version="1",
        root_folder="/var/lib/docker",
        driver="overlay2",
        default_runtime="runc",
        operating_system="Debian GNU/Linux 12",
        cores=2,
        memory_bytes=8_000_000_000,
        endpoint="",
    )


@pytest.mark.parametrize(
    "answer",
    [
        {"returncode": 1, "stderr": "Cannot connect to the Docker daemon"},
        # The client of a dead engine answers, with everything but the server's part.
        {"stdout": json.dumps({"ServerVersion": "", "ServerErrors": ["Cannot connect"]})},
        {"missing": True},
    ],
)
def test_no_engine_answers(commands: FakeCommands, answer: dict[str, Any]) -> None:
    commands.on("docker", *INFO, **answer)
    assert DOCKER.engine() is None


def test_engine_in_a_virtual_machine_is_not_on_this_host(
    commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.on("docker", *INFO, stdout=info())
    commands.on("docker", *INFO, stdout=info(OperatingSystem="Docker Desktop"))
    engine, desktop = DOCKER.engine(), DOCKER.engine()
    assert engine
    assert engine.is_on_this_host
    assert desktop
    assert not desktop.is_on_this_host
    monkeypatch.setenv("DOCKER_HOST", "tcp://build.test:2376")
    commands.on("docker", *INFO, stdout=info())
    elsewhere = DOCKER.engine()
    assert elsewhere
    assert not elsewhere.is_on_this_host


@pytest.mark.parametrize(
    ("endpoint", "is_here"),
    [("ssh://build.test", False), ("tcp://10.0.0.1:2376", False), ("unix:///run/user/1000/docker.sock", True)],
)
def test_context_may_name_another_machine_s_engine(commands: FakeCommands, endpoint: str, *, is_here: bool) -> None:
    commands.on("docker", *INFO, stdout=info(ClientInfo={"Context": "work"}))
    commands.on("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}", "work", stdout=endpoint)
    engine = DOCKER.engine()
    assert engine
    assert engine.is_on_this_host is is_here


def test_build_gives_secrets_as_files_and_asks_for_buildkit(commands: FakeCommands) -> None:
    words = (
        "build --progress=plain --tag a:1 --target node --build-arg BASE=b:1 --label x=y --secret id=ca,src=/ca /ctx"
    )
    commands.on("docker", *words.split())
    DOCKER.build(
        Path("/ctx"), "a:1", target="node", args={"BASE": "b:1"}, secrets={"ca": Path("/ca")}, labels={"x": "y"}
    )
    assert commands.calls[0].env["DOCKER_BUILDKIT"] == "1"


def test_build_that_fails_shows_the_end_of_its_output(commands: FakeCommands) -> None:
    commands.on("docker", "build", "--progress=plain", "--tag", "a:1", "/ctx", returncode=1, stderr="no such package")
    with pytest.raises(CommandError, match="no such package"):
        DOCKER.build(Path("/ctx"), "a:1")


def test_import_feeds_the_archive_to_the_engine(commands: FakeCommands) -> None:
    commands.on("mmdebstrap", "bookworm", "-", stdout="the archive")
    commands.on("docker", "import", "--change", "ENV A=b", "-", "base:1")
    DOCKER.import_from(["mmdebstrap", "bookworm", "-"], "base:1", changes=["ENV A=b"])
    assert commands.calls[1].stdin == b"the archive"


def test_platform_is_that_of_the_engine(commands: FakeCommands) -> None:
    commands.on(*PLATFORM, stdout="linux/arm64\n")
    assert DOCKER.platform() == "linux/arm64"


def test_save_feeds_the_images_to_a_command_in_a_container(commands: FakeCommands) -> None:
    commands.on("docker", "save", "a:1", "b:1", stdout="images")
    commands.on("docker", "exec", "-i", "store", "ctr", "import", "-")
    DOCKER.save_into(["a:1", "b:1"], "store", ["ctr", "import", "-"], str)
    assert commands.calls[1].stdin == b"images"


def test_throw_away_container_has_no_network_and_is_removed(commands: FakeCommands) -> None:
    mounts = [Mount(Path("/a"), "/b"), Mount(Path("/c"), "/d", read_only=True)]
    words = "run --rm --network=none --user=0 --security-opt=label=disable --entrypoint rm"
    flags = "--mount type=bind,source=/a,target=/b --mount type=bind,source=/c,target=/d,readonly"
    commands.on("docker", *f"{words} {flags} image -rf /b/x".split(), stdout=" gone \n")
    assert DOCKER.run_once("image", ["rm", "-rf", "/b/x"], mounts=mounts) == "gone"


def test_exec_is_interactive_only_with_input(commands: FakeCommands) -> None:
    commands.on("docker", "exec", "node", "true")
    commands.on("docker", "exec", "-i", "node", "bash", "-s")
    DOCKER.exec("node", "true")
    DOCKER.exec("node", "bash", "-s", stdin="exit 0")
    assert [call.stdin for call in commands.calls] == [b"", b"exit 0"]


def test_engine_s_failure_is_the_host_s_and_a_container_s_is_not(commands: FakeCommands) -> None:
    commands.on("docker", "pull", "a:1", returncode=1)
    commands.on("docker", "exec", "node", "false", returncode=1)
    with pytest.raises(HostCommandError):
        DOCKER.pull("a:1", str)
    with pytest.raises(CommandError) as caught:
        DOCKER.exec("node", "false")
    assert caught.value.party == "product"


def test_containers_are_listed_with_their_states(commands: FakeCommands) -> None:
    words = ("docker", "ps", "--all", "--filter", "label=a=b", "--format", "{{.Names}}\t{{.State}}")
    commands.on(*words, stdout="one\trunning\ntwo\tdead\n")
    commands.on(*words, stdout="\n")
    assert DOCKER.list_containers("a=b") == {"one": "running", "two": "dead"}
    assert DOCKER.list_containers("a=b") == {}


def test_network_is_matched_by_its_whole_name(commands: FakeCommands) -> None:
    commands.on("docker", "network", "ls", "--quiet", "--filter", r"name=^harness\-dev$", stdout="0123\n")
    assert DOCKER.list_networks("harness-dev") == ["0123"]


def test_logs_come_from_both_outputs(commands: FakeCommands) -> None:
    commands.on("docker", "logs", "--tail=5", "node", stdout="out\n", stderr="err\n")
    assert DOCKER.logs("node", lines=5) == "out\nerr"


def test_all_images_must_be_there(commands: FakeCommands) -> None:
    commands.on("docker", "image", "inspect", "--format=.", "a:1", "b:1", stdout=".\n.\n")
    commands.on("docker", "image", "inspect", "--format=.", "a:1", "c:1", stdout=".\n", returncode=1)
    assert DOCKER.has_images("a:1", "b:1")
    assert not DOCKER.has_images("a:1", "c:1")


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return two docker clients, in the order of PATH."""
    paths = [make_executable(tmp_path / folder / "docker") for folder in ("one", "two")]
    monkeypatch.setenv("PATH", f"{tmp_path}/empty:{tmp_path}/one:{tmp_path}/two")
    return [str(path) for path in paths]


def test_client_without_buildx_is_passed_over(commands: FakeCommands, clients: list[str]) -> None:
    one, two = clients
    commands.on(one, "--version", stdout=NEW)
    commands.on(one, "buildx", "version", returncode=1, stderr="is not a docker command")
    commands.on(two, "--version", stdout=OLD)  # BuildKit is built in
    client = find_client()
    assert client.binary == two
    assert client.env["PATH"].split(":")[0] == str(Path(two).parent)  # kind takes the same one


def test_client_with_buildx_is_taken(commands: FakeCommands, clients: list[str]) -> None:
    commands.on(clients[0], "--version", stdout=NEW)
    commands.on(clients[0], "buildx", "version", stdout="github.com/docker/buildx v0.20.0")
    client = find_client()
    assert client.binary == clients[0]
    # Else a builder in a container keeps what it builds, and an emulated image does not fit the node.
    assert (client.env["BUILDX_BUILDER"], client.env["DOCKER_DEFAULT_PLATFORM"]) == ("", "")


def test_no_usable_client_names_those_that_were_seen(commands: FakeCommands, clients: list[str]) -> None:
    for client in clients:
        commands.on(client, "--version", stdout=NEW)
        commands.on(client, "buildx", "version", returncode=1)
    with pytest.raises(UsageError, match="no buildx plugin") as caught:
        find_client()
    assert all(client in str(caught.value) for client in clients)
    assert "install Docker" in caught.value.next_step


def test_podman_under_docker_s_name_is_not_an_old_docker(commands: FakeCommands, clients: list[str]) -> None:
    for client in clients:
        commands.on(client, "--version", stdout="podman version 5.4.2\n")
    with pytest.raises(UsageError, match=r"podman version 5\.4\.2: not Docker"):
        find_client()


def test_no_client_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="no usable docker client on PATH; found: none"):
        find_client()


def test_commands_get_the_client_s_own_path(commands: FakeCommands) -> None:
    commands.on("/x/docker", "pull", "a@sha256:1")
    Docker("/x/docker", {"PATH": "/x:/usr/bin"}).pull("a@sha256:1", str)
    assert commands.calls[0].env["PATH"] == "/x:/usr/bin"
