"""`up`, `down` and `restore`: what reaches the wire in which order, what is refused before it, and what is removed."""

import re
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from harness import environment as environment_module
from harness.environment import Environment
from harness.errors import HarnessError, UsageError
from harness.gate.gate import Gate
from harness.images.source import Choice, keep_choice
from harness.images.store import FILLER

from .backup import pod
from .fakes.machine import FakeMachine, make_machine
from .fakes.reporter import FakeReporter

CLUSTER = "io.x-k8s.kind.cluster"
OURS = {"app.kubernetes.io/managed-by": "harness", "harness.dev/environment": "dev"}
NODE = "harness-dev-control-plane"
OTHERS = {**OURS, "harness.dev/environment": "other"}
GATE = "harness-dev-gate-0123456789ab"
RELEASED = {"app.kubernetes.io/instance": "airflow", "app.kubernetes.io/version": "3.3.2"}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    made = make_machine(tmp_path, monkeypatch)
    monkeypatch.setattr("subprocess.Popen", made.popen)
    return made


@pytest.fixture
def environment(machine: FakeMachine) -> Environment:
    return machine.environment()


def gate_of(environment: Environment) -> Gate:
    gate = environment.parts.gate
    assert isinstance(gate, Gate)
    return gate


def up(machine: FakeMachine) -> FakeReporter:
    reporter = FakeReporter()
    machine.environment().up(reporter)
    return reporter


def test_up_makes_each_thing_after_what_it_needs(machine: FakeMachine) -> None:
    reporter = up(machine)
    parts = machine.environment().parts
    images, dags = parts.images, parts.dags.package().version
    assert [re.sub(r"@.*|(?<=-s-)\w+", "", change) for change in machine.changes] == [
        *("docker pull kindest/node", "docker pull python", f"docker build {images.airflow}"),
        *("docker pull postgres", f"docker tag {images.postgresql}"),
        *("docker pull prom/statsd-exporter", f"docker tag {images.statsd_exporter}"),
        *("docker network create harness-dev", "kind create", "docker update", "docker exec touch"),
        *(f"ctr import {image}" for image in images.release),
        *(
            "PATCH namespaces/tools",
            "PATCH persistentvolumes/harness-logs",
            "PATCH persistentvolumeclaims/harness-logs",
        ),
        *("PATCH secrets/airflow-ui-creds", "PATCH secrets/airflow-variables"),
        f"docker run {gate_of(machine.environment()).container}",
        *("PATCH configmaps/airflow-dags-s-", f"PATCH configmaps/airflow-dags-v-{dags}"),
        *("PATCH configmaps/airflow-dags", f"PATCH configmaps/airflow-dags-v-{dags}"),
        f"helm upgrade harness inputs {parts.release.inputs}",
    ]
    assert list(reporter.outcomes)[-3:] == ["airflow available", "login", "dags live"]


def test_second_up_changes_nothing(machine: FakeMachine) -> None:
    up(machine)
    machine.changes.clear()
    reporter = up(machine)
    assert machine.changes == []
    assert set(reporter.outcomes.values()) == {"checked", "unchanged"}


def test_up_after_an_interrupted_creation_makes_the_cluster_anew(machine: FakeMachine) -> None:
    up(machine)
    machine.is_marked = False
    machine.changes.clear()
    up(machine)
    assert machine.changes[:3] == [f"docker rm {NODE}", "docker network rm", "docker network create harness-dev"]
    assert machine.changes[3:6] == ["kind create", "docker update", "docker exec touch"]


def test_store_is_looked_for_between_images_and_cluster(machine: FakeMachine) -> None:
    machine.operating_system = "Debian GNU/Linux 12"
    store = machine.environment().parts.store
    assert store is not None
    store.folder.mkdir(parents=True)
    steps = list(up(machine).outcomes)
    assert steps.index("image statsd-exporter") < steps.index("image store") < steps.index("cluster")


def test_changed_requirement_alone_is_built_and_loaded(machine: FakeMachine) -> None:
    requirements = machine.settings().project / "requirements.txt"
    requirements.write_text("humanize==4.0\n")
    environment = machine.environment(airflow_requirements=Path("requirements.txt"))
    environment.up(FakeReporter())
    requirements.write_text("humanize==4.1\n")
    machine.changes.clear()
    changed = machine.environment(airflow_requirements=Path("requirements.txt"))
    changed.up(FakeReporter())
    image = changed.parts.images.airflow
    assert image != environment.parts.images.airflow
    assert machine.changes[:2] == [f"docker build {image}", f"ctr import {image}"]
    assert f"helm upgrade harness inputs {changed.parts.release.inputs}" in machine.changes
    assert gate_of(changed).image == image


def test_tag_that_names_another_image_is_loaded_by_the_next_up(machine: FakeMachine) -> None:
    machine.environment(airflow_image="team/airflow:1").up(FakeReporter())
    machine.ids["team/airflow:1"] = "sha256:other"
    machine.changes.clear()
    changed = machine.environment(airflow_image="team/airflow:1")
    changed.up(FakeReporter())
    image = changed.parts.images.airflow
    assert machine.changes[:2] == [f"docker tag {image}", f"ctr import {image}"]


def test_ready_made_image_takes_the_place_of_ours(machine: FakeMachine) -> None:
    environment = machine.environment(airflow_image="team/airflow:1")
    environment.up(FakeReporter())
    assert machine.changes[0] == "docker pull team/airflow:1"
    assert not [change for change in machine.changes if change.startswith("docker build")]
    assert environment.parts.release.values()["images"]["airflow"]["repository"] == "localhost/harness/airflow"


def test_ready_made_image_of_another_airflow_is_refused_first(machine: FakeMachine) -> None:
    machine.airflow_version = "3.1.4"
    with pytest.raises(UsageError, match=r"team/airflow:1 has Airflow 3\.1\.4; supported is 3\.3"):
        machine.environment(airflow_image="team/airflow:1").up(FakeReporter())
    assert machine.changes == ["docker pull team/airflow:1"]


def test_image_of_another_airflow_is_refused_before_a_cluster(machine: FakeMachine) -> None:
    machine.airflow_version = "3.1.4"
    (machine.settings().project / "requirements.txt").write_text("humanize\n")
    with pytest.raises(UsageError, match=r"has Airflow 3\.1\.4; supported is 3\.3"):
        machine.environment(airflow_requirements=Path("requirements.txt")).up(FakeReporter())
    assert "kind create" not in machine.changes


def test_store_is_not_filled_anew_for_a_cluster_that_is_there(machine: FakeMachine) -> None:
    machine.operating_system = "Debian GNU/Linux 12"
    machine.images.add("team/airflow:1")
    store = machine.environment(airflow_image="team/airflow:1").parts.store
    assert store is not None
    store.folder.mkdir(parents=True)
    machine.environment(airflow_image="team/airflow:1").up(FakeReporter())
    machine.ids["team/airflow:1"] = "sha256:other"
    reporter = FakeReporter()
    machine.environment(airflow_image="team/airflow:1").up(reporter)
    assert "image store" not in reporter.outcomes


def test_bad_dags_are_refused_before_anything_is_run(machine: FakeMachine, environment: Environment) -> None:
    (environment.settings.dags_folder / "broken.py").write_text("def broken(:\n")
    reporter = FakeReporter()
    with pytest.raises(UsageError, match=r"broken\.py:1"):
        environment.up(reporter)
    assert reporter.outcomes == {"input": "failed"}
    assert machine.calls == []
    assert not environment.settings.folder.exists()


def test_too_little_disk_is_refused_before_anything_is_changed(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**9))
    with pytest.raises(UsageError, match="1 GB free"):
        up(machine)
    assert machine.changes == []


def test_broken_secret_is_refused_before_images_and_release(machine: FakeMachine) -> None:
    up(machine)
    machine.images.clear()
    del machine.server.objects["secrets", "tools", "airflow-ui-creds"]["data"]["email"]
    machine.changes.clear()
    reporter = FakeReporter()
    with pytest.raises(UsageError, match=r"Secret tools/airflow-ui-creds .*email"):
        machine.environment().up(reporter)
    assert machine.changes == []
    assert list(reporter.outcomes)[-1] == "secrets' keys"


def test_what_the_doctor_finds_ends_up_at_once_with_all_cures(machine: FakeMachine) -> None:
    with pytest.raises(UsageError) as caught:
        machine.environment(images="mirrors").up(FakeReporter())
    assert "images: mirrors: as set; the engine is on another machine" in str(caught.value)
    assert "; go: not on PATH; " in str(caught.value)
    assert 'set images = "registry"' in caught.value.next_step
    assert "; install Go" in caught.value.next_step
    assert machine.changes == []


def test_two_at_a_time_are_refused(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment_module, "LOCK_S", 0)
    environment.settings.state.mkdir(parents=True)
    with FileLock(environment.settings.state / "dev.lock"):
        for verb in (
            environment.up,
            environment.down,
            partial(environment.backup, None),
            partial(environment.restore, Path("a.backup")),
            environment.reset,
            environment.stop,
        ):
            with pytest.raises(HarnessError, match="another harness command works on `dev`"):
                verb(FakeReporter())


def test_restore_is_over_when_airflow_serves_the_dags(machine: FakeMachine, tmp_path: Path) -> None:
    up(machine)
    labels = {"name": "airflow-postgresql", "namespace": "tools", "labels": RELEASED, "generation": 1}
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}
    machine.server.put("statefulsets", {"metadata": labels, "spec": {"replicas": 1}, "status": status})
    key = {"fernet-key": b64encode(b"key-of-the-cluster").decode()}
    machine.server.put("secrets", {"metadata": {"name": "airflow-internal", "namespace": "tools"}, "data": key})
    for query, text in ((pod.HAS_TABLES, "alembic_version"), (pod.REVISION, "d2f4e1b3c5a7"), (pod.COUNT, "12")):
        machine.on(*pod.ask(query), stdout=text)
    machine.on(*pod.ask(pod.COUNT, "airflow_restored"), stdout="12")
    machine.on(*pod.ask(pod.BUSY), stdout="0")
    machine.on(*pod.DUMP, stdout="PGDMP content")
    for words in (pod.READ_BACK, pod.FILL_BESIDE, pod.MAKE_BESIDE, pod.UNMARK, pod.SWAP):
        machine.on(*words)
    environment, reporter = machine.environment(), FakeReporter()
    path = environment.backup(tmp_path / "a.backup", FakeReporter()).path
    machine.changes.clear()
    environment.restore(path, reporter)
    assert machine.changes[0] == "PATCH secrets/airflow-internal"
    assert machine.changes[1].startswith("helm upgrade")
    assert list(reporter.outcomes)[-3:] == ["airflow available", "login", "dags live"]


def test_down_of_nothing_changes_nothing(machine: FakeMachine, environment: Environment) -> None:
    reporter = FakeReporter()
    environment.down(reporter)
    assert reporter.outcomes == {"cluster": "unchanged"}
    assert machine.changes == []


def test_down_removes_what_up_made_and_nobody_elses(machine: FakeMachine) -> None:
    up(machine)
    environment = machine.environment()
    filler, gate = f"{FILLER}-{environment.parts.images.digest}", gate_of(environment).container
    machine.containers |= {filler: ("running", OURS), "harness-store-of-others": ("running", OTHERS)}
    machine.changes.clear()
    environment.down(FakeReporter())
    assert machine.changes == [f"docker rm {filler}", f"docker rm {gate}", f"docker rm {NODE}", "docker network rm"]
    assert list(machine.containers) == ["harness-store-of-others"]
    assert not environment.settings.folder.exists()
    assert environment.settings.cache_folder.exists()
    assert not environment.has_remains()


@pytest.mark.parametrize("remains", ["node", "network", "folder", "filler", "gate", "choice", ""])
def test_any_remains_are_remains(machine: FakeMachine, environment: Environment, remains: str) -> None:
    containers = {
        "node": (NODE, ("dead", {CLUSTER: "harness-dev"})),
        "filler": (f"{FILLER}-{environment.parts.images.digest}", ("exited", OURS)),
        "gate": (GATE, ("exited", {"harness.dev/gate": "dev"})),
    }
    if remains in containers:
        machine.containers = dict([containers[remains]])
    if remains == "network":
        machine.networks = {"harness-dev"}
    if remains == "folder":
        environment.settings.folder.mkdir(parents=True)
    if remains == "choice":
        keep_choice(Choice("registry", "test"), environment.settings.choice_file)
    assert environment.has_remains() is bool(remains)


@pytest.fixture
def is_there_a_registry(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Answer `auto`; what a test puts in holds from then on."""
    answers = [True]
    monkeypatch.setattr("harness.images.source.registry_answers", lambda _: answers[-1])
    return answers


def test_network_that_goes_away_does_not_turn_the_images_round(
    machine: FakeMachine, is_there_a_registry: list[bool]
) -> None:
    machine.environment(images="auto").up(FakeReporter())
    is_there_a_registry.append(False)
    machine.changes.clear()
    reporter = FakeReporter()
    machine.environment(images="auto").up(reporter)
    assert reporter.outcomes["source of images"] == "unchanged"
    assert machine.changes == []


def test_source_of_a_flag_holds_for_the_commands_after_it(
    machine: FakeMachine, is_there_a_registry: list[bool]
) -> None:
    is_there_a_registry.append(False)
    machine.environment(images="registry", registry_mirror="mirror.test").up(FakeReporter())
    later = machine.environment(images="auto").parts
    assert later.choice == Choice("registry", "as set", "mirror.test")
    assert later.images.node.startswith("mirror.test/")


@pytest.mark.usefixtures("is_there_a_registry")
def test_down_forgets_the_source_and_up_chooses_anew(machine: FakeMachine, is_there_a_registry: list[bool]) -> None:
    machine.environment(images="auto").up(FakeReporter())
    machine.environment(images="auto").down(FakeReporter())
    is_there_a_registry.append(False)
    assert machine.environment(images="auto").parts.choice.source == "mirrors"


def test_source_that_this_machine_cannot_use_is_not_kept(machine: FakeMachine, is_there_a_registry: list[bool]) -> None:
    is_there_a_registry.append(False)
    with pytest.raises(UsageError, match="go: not on PATH"):
        machine.environment(images="auto").up(FakeReporter())
    is_there_a_registry.append(True)
    machine.environment(images="auto").up(FakeReporter())


def test_down_asks_no_registry(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.images.source.registry_answers", lambda _: pytest.fail("asked"))
    machine.networks = {"harness-dev"}
    machine.environment(images="auto").down(FakeReporter())
    assert machine.changes == ["docker network rm"]


@pytest.mark.parametrize("verb", [lambda env: env.down(FakeReporter()), lambda env: env.check_exists()])
def test_engine_that_is_down_is_said(
    machine: FakeMachine, environment: Environment, verb: Callable[[Environment], None]
) -> None:
    machine.has_engine = False
    with pytest.raises(UsageError, match="no container engine answers") as caught:
        verb(environment)
    assert "harness up" in caught.value.next_step


def test_nodes_are_a_cluster_and_no_engine_is_none(machine: FakeMachine) -> None:
    assert not machine.environment().has_cluster()
    machine.containers = {NODE: ("exited", {CLUSTER: "harness-dev"})}
    assert machine.environment().has_cluster()
    machine.has_engine = False
    assert not machine.environment().has_cluster()


def test_unknown_environment_names_those_there_are(machine: FakeMachine, environment: Environment) -> None:
    names = {"b-control-plane": "harness-ci", "b-worker": "harness-ci", "a": "harness-a", "c": "somebody-s"}
    machine.containers = {name: ("running", {CLUSTER: cluster}) for name, cluster in names.items()}
    with pytest.raises(UsageError, match="no environment `dev`; there are: a, ci") as caught:
        environment.check_exists()
    assert caught.value.next_step == "harness up"


def test_doctor_works_without_a_docker_client(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    checks = {check.name: check for check in environment.examine()}
    assert checks["docker client"].verdict == "problem"
    assert checks["port 8080"].seen == "free"


@pytest.mark.parametrize("verb", ["up", "down", "backup", "restore"])
def test_cluster_that_is_there_is_neither_made_nor_removed(machine: FakeMachine, verb: str) -> None:
    up(machine)
    machine.changes.clear()
    kubeconfig = machine.environment().settings.kubeconfig
    staging = machine.environment(name="staging", context="team", kubeconfig=kubeconfig)
    words = {"backup": (None, FakeReporter()), "restore": (Path("a"), FakeReporter())}.get(verb, (FakeReporter(),))
    with pytest.raises(UsageError, match=f"`{verb}` is not for `staging`, which is on .*: context `team`") as caught:
        getattr(staging, verb)(*words)
    assert caught.value.next_step
    assert machine.changes == []


def test_environments_of_the_settings_are_listed_beside_running(machine: FakeMachine) -> None:
    up(machine)
    tables = {"staging": {"context": "team"}, "dev": {"port": 8081}}
    assert machine.environment(environments=tables).list_names() == ["dev", "staging"]
