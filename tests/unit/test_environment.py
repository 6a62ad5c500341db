"""`up` and `down`: what comes before what, what is refused before anything is made, and what is removed."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock

from harness import environment as environment_module
from harness import release
from harness.doctor import Check
from harness.environment import Environment
from harness.errors import HarnessError, UsageError
from harness.host import ports
from harness.images.store import Store
from harness.steps import Step, run_steps
from harness.waiting import NotYet

from .fakes.command import FakeCommands
from .fakes.reporter import FakeReporter
from .samples import DOCKER, IMAGES, settings_of

LABEL = "io.x-k8s.kind.cluster"
NODE = "harness-dev-control-plane"
DAG = 'from airflow.sdk import dag\n\n\n@dag(dag_id="hello")\ndef hello() -> None: ...\n'


def containers(label: str) -> tuple[str, ...]:
    return ("docker", "ps", "--all", "--filter", f"label={label}", "--format", "{{.Names}}\t{{.State}}")


LIST = containers(f"{LABEL}=harness-dev")
OURS = containers("app.kubernetes.io/managed-by=harness")
FILLER = f"harness-store-{IMAGES.digest}"
GATE = "harness-dev-gate-0123456789ab"
GATES = containers("harness.dev/gate=dev")
NETWORKS = ("docker", "network", "ls", "--quiet", "--filter", r"name=^harness\-dev$")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setattr(Environment, "_engine_answers", lambda _: True)
    made = Environment(settings_of(tmp_path))
    made.__dict__.update(docker=DOCKER, images=IMAGES)
    made.settings.dags_folder.mkdir()
    (made.settings.dags_folder / "hello.py").write_text(DAG)
    return made


def test_bad_dags_are_refused_before_anything_is_run(
    environment: Environment, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment_module.doctor, "check_room", lambda *_: None)
    (environment.settings.dags_folder / "large.py").write_text("#" * 2_000_000)
    reporter = FakeReporter()
    with pytest.raises(UsageError, match=r"large\.py"):
        environment.up(reporter)
    assert reporter.outcomes == {"input": "failed"}
    assert commands.calls == []
    assert not environment.settings.folder.exists()


def test_too_little_disk_is_refused_before_anything_is_run(
    environment: Environment, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**9))
    commands.on(*LIST)
    with pytest.raises(UsageError, match="1 GB free"):
        environment.up(FakeReporter())
    assert len(commands.calls) == 1


def test_two_at_a_time_are_refused(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment_module, "LOCK_S", 0)
    environment.settings.state.mkdir(parents=True)
    with FileLock(environment.settings.state / "dev.lock"):
        for verb in (
            environment.up,
            environment.down,
            partial(environment.backup, None),
            partial(environment.restore, Path("a.backup")),
        ):
            with pytest.raises(HarnessError, match=r"another `harness .*restore` works on `dev`"):
                verb(FakeReporter())


class Whole:
    """A cluster and a release that are as they should be."""

    def __init__(self, *, is_there: bool = True) -> None:
        self.is_there = is_there
        self.made: list[str] = []

    def is_whole(self) -> bool:
        return self.is_there

    def is_installed(self) -> bool:
        return self.is_there

    def readiness(self) -> bool | NotYet:
        return self.is_there or NotYet("not there")

    def missing_images(self) -> list[str]:
        return [] if self.is_there else ["image"]

    def check(self) -> None: ...

    def check_same(self) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.made.append(name)


def prepare(environment: Environment, monkeypatch: pytest.MonkeyPatch, *, is_there: bool) -> Whole:
    """Stand in for all parts and let the steps alone be real."""
    monkeypatch.setattr(Environment, "_engine_answers", lambda _: is_there)
    part = Whole(is_there=is_there)
    image = Step("image node", lambda: is_there, lambda _: part.made.append("image"))
    binary = Path("found") if is_there else None
    environment.__dict__.update(
        cluster=part,
        release=part,
        store=None,
        kubernetes=None,
        airflow=None,
        recipes=SimpleNamespace(steps=lambda: [image]),
    )
    for name, value in {
        "find_client": lambda: SimpleNamespace(engine=lambda: is_there or None),
        "find_binary": lambda *_: binary,
        "has_secrets": lambda *_: is_there,
    }.items():
        monkeypatch.setattr(environment_module, name, value)
    environment.__dict__["dags"] = SimpleNamespace(
        package=lambda: None,
        compare=lambda: "same" if is_there else "absent",
        write=lambda: part.made.append("write"),
        sync=lambda: part.made.append("sync"),
        wait_until_live=lambda: part.made.append("live"),
    )
    for name in ("ensure_engine", "ensure_binary", "ensure_secrets"):
        monkeypatch.setattr(environment_module, name, lambda *_, name=name: part.made.append(name))
    for name in ("ensure_namespace", "wait_until_available", "wait_until_it_serves"):
        monkeypatch.setattr(release, name, lambda *_, name=name: part.made.append(name))
    monkeypatch.setattr(release, "has_namespace", lambda *_: is_there)
    monkeypatch.setattr(release, "not_available", lambda *_: [] if is_there else ["scheduler 0/1"])
    monkeypatch.setattr(environment_module.doctor, "check_room", lambda *_: None)
    monkeypatch.setattr(environment_module.doctor, "examine", lambda _: [])
    monkeypatch.setattr(ports, "is_free", lambda _: True)
    environment.__dict__["choice"] = IMAGES.choice
    return part


def test_up_makes_all_in_order(
    environment: Environment, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.on(*LIST)
    part = prepare(environment, monkeypatch, is_there=False)
    environment.up(FakeReporter())
    assert part.made == [
        *("ensure_engine", "ensure_binary", "ensure_binary", "image"),
        *("ensure", "wait_until_ready", "load_images"),
        *("ensure_namespace", "ensure_secrets", "write", "install", "wait_until_available", "wait_until_it_serves"),
        "sync",
    ]


def test_restore_is_over_when_airflow_serves_the_dags(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = prepare(environment, monkeypatch, is_there=False)
    environment.__dict__["backups"] = SimpleNamespace(
        restore=lambda path, reporter, more, *, force: run_steps(more(), reporter) or (path, force)
    )
    assert environment.restore(Path("a.backup"), FakeReporter(), force=True) == (Path("a.backup"), True)
    assert part.made == ["wait_until_available", "wait_until_it_serves", "live"]


def test_second_up_makes_nothing(
    environment: Environment, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.on(*LIST, stdout=f"{NODE}\trunning\n")
    part = prepare(environment, monkeypatch, is_there=True)
    reporter = FakeReporter()
    environment.up(reporter)
    assert part.made == ["wait_until_it_serves", "sync"]  # both only look when nothing is to be done
    assert "done" not in {outcome for name, outcome in reporter.outcomes.items() if name != "cluster's settings"}


def test_broken_secrets_are_refused_before_images_and_release(
    environment: Environment, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.on(*LIST, stdout=f"{NODE}\trunning\n")
    part = prepare(environment, monkeypatch, is_there=True)
    environment.settings.folder.mkdir(parents=True)
    environment.settings.kubeconfig.touch()

    def refuse(*_: object) -> None:
        raise UsageError("Secret tools/airflow-ui-creds has no key email")

    monkeypatch.setattr(environment_module, "check_secrets", refuse)
    reporter = FakeReporter()
    with pytest.raises(UsageError, match="has no key email"):
        environment.up(reporter)
    assert part.made == []
    assert list(reporter.outcomes)[-1] == "secrets' keys"


def test_what_the_doctor_finds_ends_up_at_once_with_all_cures(
    environment: Environment, commands: FakeCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.on(*LIST)
    part = prepare(environment, monkeypatch, is_there=True)
    findings = [Check("go", "problem", "1.20", "install Go"), Check("disk", "problem", "1 GB", "make room")]
    monkeypatch.setattr(environment_module.doctor, "examine", lambda _: [*findings, Check("memory", "warning", "low")])
    with pytest.raises(UsageError) as caught:
        environment.up(FakeReporter())
    assert str(caught.value) == "go: 1.20; disk: 1 GB"
    assert caught.value.next_step == "install Go; make room"
    assert part.made == []


def test_down_of_nothing_changes_nothing(environment: Environment, commands: FakeCommands) -> None:
    for words in (LIST, NETWORKS, OURS, GATES):
        commands.on(*words)
    reporter = FakeReporter()
    environment.down(reporter)
    assert reporter.outcomes == {"cluster": "unchanged"}


def test_down_removes_nodes_network_folder_and_fillers(environment: Environment, commands: FakeCommands) -> None:
    commands.on(*LIST, stdout=f"{NODE}\texited\n")
    commands.on(*OURS, stdout=f"{FILLER}\trunning\nharness-store-of-others\trunning\n")
    commands.on(*NETWORKS, stdout="net\n")
    commands.on(*GATES, stdout=f"{GATE}\trunning\n")
    for name in (FILLER, GATE, NODE):
        commands.on("docker", "rm", "--force", "--volumes", name)
    commands.on("docker", "network", "rm", "net")
    environment.settings.folder.mkdir(parents=True)
    environment.settings.cache_folder.mkdir(parents=True)
    environment.down(FakeReporter())
    assert not environment.settings.folder.exists()
    assert environment.settings.cache_folder.exists()
    assert [argv[-1] for argv in commands.argvs if argv[1] in {"rm", "network"} and "rm" in argv] == [
        FILLER,
        GATE,
        NODE,
        "net",
    ]


@pytest.mark.parametrize("remains", ["node", "network", "folder", "filler", "gate", ""])
def test_any_remains_are_remains(environment: Environment, commands: FakeCommands, remains: str) -> None:
    commands.on(*LIST, stdout=f"{NODE}\tdead\n" if remains == "node" else "")
    commands.on(*NETWORKS, stdout="net" if remains == "network" else "")
    commands.on(*OURS, stdout=f"{FILLER}\texited\n" if remains == "filler" else "")
    commands.on(*GATES, stdout=f"{GATE}\texited\n" if remains == "gate" else "")
    if remains == "folder":
        environment.settings.folder.mkdir(parents=True)
    assert environment.has_remains() is bool(remains)


@pytest.mark.parametrize("verb", [lambda env: env.down(FakeReporter()), lambda env: env.check_exists()])
def test_engine_that_is_down_is_said(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, verb: Callable[[Environment], None]
) -> None:
    monkeypatch.setattr(Environment, "_engine_answers", lambda _: False)
    with pytest.raises(UsageError, match="no container engine answers") as caught:
        verb(environment)
    assert "harness --name dev up" in caught.value.next_step


def test_unknown_environment_names_those_there_are(environment: Environment, commands: FakeCommands) -> None:
    commands.on(*LIST)
    names = {"b-control-plane": "harness-ci", "b-worker": "harness-ci", "a": "harness-a", "c": "somebody-s"}
    commands.on(*containers(LABEL), stdout="".join(f"{name}\trunning\n" for name in names))
    for name, cluster in names.items():
        stdout = json.dumps([{"Config": {"Labels": {LABEL: cluster}}}])
        commands.on("docker", "inspect", "--type=container", name, stdout=stdout)
    with pytest.raises(UsageError, match="no environment `dev`; there are: a, ci") as caught:
        environment.check_exists()
    assert caught.value.next_step == "harness --name dev up"


def test_doctor_works_without_an_engine(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_client() -> None:
        raise UsageError("no docker")

    monkeypatch.setattr("harness.parts.find_client", no_client)
    del environment.__dict__["docker"]
    environment.__dict__["choice"] = IMAGES.choice
    seen: list[Any] = []
    monkeypatch.setattr(environment_module.doctor, "examine", lambda patient: seen.append(patient) or [])
    assert environment.examine() == []
    assert not seen[0].has_cluster


def test_store_is_filled_after_the_images_are_made(environment: Environment) -> None:
    image = Step("image node", None, lambda _: None)
    store = Store(DOCKER, IMAGES, environment.settings.cache_folder)
    environment.__dict__.update(recipes=SimpleNamespace(steps=lambda: [image]), store=store)
    assert [step.name for step in environment._image_steps()] == ["image node", "image store"]
