"""A project's own Airflow image: what its name follows, what its build is given, and what is refused."""

from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from harness.errors import UsageError
from harness.images.own import OwnImage, check_version, find_own
from harness.tools.docker_output import EngineError

from ..fakes.command import Call, FakeCommands
from ..samples import DOCKER, settings_of

BASE, OURS = "localhost/harness/base:1", "localhost/harness/airflow:2"
# What BuildKit prints when a step fails, shortened; newer ones repeat the step's output between the dashes.
UNRESOLVED = """\
#4 [tools 4/4] RUN pip install
#4 0.100 of another step
#4 DONE 0.2s
#5 [stage-1 3/3] RUN uv pip install
#5 0.901 error: No solution found when resolving dependencies
#5 0.901   cause: Because there is no version of humanize==99 and you require humanize==99, we can conclude that your
#5 0.901          requirements are unsatisfiable.
#5 ERROR: executor failed running [/bin/sh -c uv pip install]: exit code: 1
------
 > [stage-1 3/3] RUN uv pip install:
------
executor failed running [/bin/sh -c uv pip install]: exit code: 1
"""
NO_BASE = """\
#3 [1/1] FROM registry.test/none:1
#3 resolve registry.test/none:1
#3 ERROR: registry.test/none:1: not found
------
 > [1/1] FROM registry.test/none:1:
------
failed to solve: registry.test/none:1: not found
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return settings_of(tmp_path).project


def own(tmp_path: Path, **settings: Any) -> OwnImage:
    found = find_own(settings_of(tmp_path, **settings), DOCKER, base=BASE, ours=OURS)
    assert found
    return found


def build(image: OwnImage) -> None:
    image.steps[0].run(str)


def on_build(commands: FakeCommands, *words: str, **answer: Any) -> None:
    """Expect a build with one secret or two: a machine may have a CA of its own."""
    for secrets in (1, 2):
        commands.on(
            *("docker", "build", "--progress=plain", "--tag", ANY, *words),
            *(["--secret", ANY] * secrets),
            ANY,
            **answer,
        )


def test_without_a_setting_the_image_is_ours(tmp_path: Path) -> None:
    assert find_own(settings_of(tmp_path), DOCKER, base=BASE, ours=OURS) is None


def test_name_follows_requirements_packages_and_our_image(tmp_path: Path, project: Path) -> None:
    file = project / "requirements.txt"
    file.write_text("humanize==4.0\n")
    given = {"airflow_requirements": Path("requirements.txt")}
    names = [own(tmp_path, **given).name, own(tmp_path, **given, airflow_packages=["git"]).name]
    other = find_own(settings_of(tmp_path, **given), DOCKER, base=BASE, ours="localhost/harness/airflow:3")
    file.write_text("humanize==4.1\n")
    names += [other.name if other else "", own(tmp_path, **given).name]
    assert len(set(names)) == 4
    assert all(name.startswith("localhost/harness/airflow:") for name in names)


def test_requirements_are_built_on_our_image(tmp_path: Path, project: Path, commands: FakeCommands) -> None:
    (project / "requirements.txt").write_text("humanize==4.0\n")
    seen: dict[str, str] = {}

    def look(call: Call) -> None:
        seen.update({path.name: path.read_text() for path in Path(call.argv[-1]).iterdir() if path.is_file()})

    on_build(commands, "--build-arg", f"BASE={OURS}", "--build-arg", "PACKAGES=curl git", does=look)
    image = own(tmp_path, airflow_requirements=Path("requirements.txt"), airflow_packages=["git", "curl"])
    build(image)
    assert seen["requirements.txt"] == "humanize==4.0\n"
    assert {"Dockerfile", "uv.txt"} <= seen.keys()
    assert image.is_on_ours


@pytest.mark.parametrize(
    "line", ["-r other.txt", "-rother.txt", "-c x.txt", "--constraint=x", "-e .", "./wheel.whl", "a @ file:///a.whl"]
)
def test_requirement_that_is_a_file_is_refused(tmp_path: Path, project: Path, line: str) -> None:
    (project / "requirements.txt").write_text(f"# ours\n{line}\n")
    with pytest.raises(UsageError, match=r"requirements\.txt:2: .* is a file of this machine"):
        own(tmp_path, airflow_requirements=Path("requirements.txt"))


@pytest.mark.parametrize(
    "line", ["# -r other", "a-r==1", "--index-url x", "a @ https://x/a.whl", "a[b]>=1; python_version>'3'"]
)
def test_requirement_that_is_a_package_is_taken(tmp_path: Path, project: Path, line: str) -> None:
    (project / "requirements.txt").write_text(f"{line}\n")
    assert own(tmp_path, airflow_requirements=Path("requirements.txt")).name


def test_requirement_that_does_not_resolve_is_one_message(
    tmp_path: Path, project: Path, commands: FakeCommands
) -> None:
    (project / "requirements.txt").write_text("humanize==99\n")
    words = ("--build-arg", f"BASE={OURS}", "--build-arg", "PACKAGES=")
    on_build(commands, *words, returncode=1, stderr=UNRESOLVED)
    with pytest.raises(UsageError) as caught:
        build(own(tmp_path, airflow_requirements=Path("requirements.txt")))
    assert str(caught.value).splitlines() == [
        "the image of requirements.txt cannot be built:",
        "error: No solution found when resolving dependencies",
        "  cause: Because there is no version of humanize==99 and you require humanize==99, we can conclude that your",
        "         requirements are unsatisfiable.",
    ]


def test_base_that_is_not_there_is_one_message(tmp_path: Path, project: Path, commands: FakeCommands) -> None:
    (project / "image").mkdir()
    (project / "image/Dockerfile").write_text("FROM registry.test/none:1\n")
    words = ("--file", ANY, "--build-arg", f"BASE={BASE}", "--build-arg", f"AIRFLOW={OURS}")
    on_build(commands, *words, returncode=1, stderr=NO_BASE)
    with pytest.raises(UsageError, match=r"cannot be built:\nERROR: registry\.test/none:1: not found$"):
        build(own(tmp_path, airflow_dockerfile=Path("image/Dockerfile")))


def test_command_that_is_not_found_is_no_matter_of_a_registry(
    tmp_path: Path, project: Path, commands: FakeCommands
) -> None:
    (project / "image").mkdir()
    (project / "image/Dockerfile").write_text("FROM x\nRUN maek\n")
    words = ("--file", ANY, "--build-arg", f"BASE={BASE}", "--build-arg", f"AIRFLOW={OURS}")
    said = "#5 0.3 /bin/sh: 1: maek: not found\n#5 ERROR: executor failed running [/bin/sh -c maek]: exit code: 127\n"
    on_build(commands, *words, returncode=1, stderr=said)
    with pytest.raises(UsageError, match=r"maek: not found$") as caught:
        build(own(tmp_path, airflow_dockerfile=Path("image/Dockerfile")))
    assert caught.value.next_step == "correct it; `harness up` builds it"


@pytest.mark.parametrize(
    ("setting", "path"), [("airflow_requirements", "requirements.txt"), ("airflow_dockerfile", "image/Dockerfile")]
)
def test_file_that_is_not_there_is_named(tmp_path: Path, setting: str, path: str) -> None:
    with pytest.raises(UsageError, match=rf"{setting}: .*{path} is not there"):
        own(tmp_path, **{setting: Path(path)})


@pytest.mark.parametrize(("text", "is_on_ours"), [("ARG AIRFLOW\nFROM $AIRFLOW\n", True), ("FROM other:1\n", False)])
def test_dockerfile_is_built_in_its_folder(
    tmp_path: Path, project: Path, commands: FakeCommands, text: str, is_on_ours: bool
) -> None:
    file = project / "image" / "Dockerfile.team"
    file.parent.mkdir()
    file.write_text(text)
    arguments = ("--build-arg", f"BASE={BASE}", "--build-arg", f"AIRFLOW={OURS}")
    on_build(commands, "--file", str(file), *arguments)
    image = own(tmp_path, airflow_dockerfile=Path("image/Dockerfile.team"))
    build(image)
    assert commands.argvs[0][-1] == str(file.parent)
    assert commands.argvs[0][4] == image.name
    assert image.is_on_ours == is_on_ours


def test_name_follows_every_file_beside_the_dockerfile(tmp_path: Path, project: Path) -> None:
    folder = project / "image"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM x\nCOPY tool /\n")
    before = own(tmp_path, airflow_dockerfile=Path("image/Dockerfile")).name
    (folder / "tool").write_text("1")
    assert own(tmp_path, airflow_dockerfile=Path("image/Dockerfile")).name != before


def test_dockerfile_above_the_dags_is_refused(tmp_path: Path, project: Path) -> None:
    (project / "Dockerfile").write_text("FROM x\n")
    with pytest.raises(UsageError, match="also each edit of a DAG") as caught:
        own(tmp_path, airflow_dockerfile=Path("Dockerfile"))
    assert "a folder of its own" in caught.value.next_step


def test_image_that_cannot_be_pulled_is_one_message(tmp_path: Path, commands: FakeCommands) -> None:
    commands.on("docker", "pull", "team/a:1", returncode=1, stderr="manifest for team/a:1 not found")
    with pytest.raises(UsageError, match=r"team/a:1 is not in the engine and cannot be pulled:\nmanifest .* not found"):
        own(tmp_path, airflow_image="team/a:1").before[0].run(str)


def test_name_of_a_ready_made_image_follows_what_the_tag_names(tmp_path: Path, commands: FakeCommands) -> None:
    words = ("docker", "image", "inspect", "--format={{.Id}}", "team/a:1")
    for answer in ({"returncode": 1}, {"stdout": "sha256:1\n"}, {"stdout": "sha256:2\n"}):
        commands.on(*words, **answer)
    image = own(tmp_path, airflow_image="team/a:1")
    assert len({image.name, image.name, image.name}) == 3


def on_version(commands: FakeCommands, **answer: Any) -> None:
    commands.on(
        *("docker", "run", "--rm", "--network=none", "--user=", "--security-opt=label=disable"),
        *("--entrypoint", "python", "a:1", "-c", ANY),
        **answer,
    )


def test_supported_minor_is_taken(commands: FakeCommands) -> None:
    on_version(commands, stdout="3.3.7\n")
    check_version(DOCKER, "a:1")


@pytest.mark.parametrize("version", ["3.2.1", "3.30.0", "2.11.0", "4.0.0"])
def test_other_minor_is_refused_by_name(commands: FakeCommands, version: str) -> None:
    on_version(commands, stdout=version)
    with pytest.raises(UsageError, match=rf"a:1 has Airflow {version}; supported is 3\.3"):
        check_version(DOCKER, "a:1")


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (
            "Traceback ...\nimportlib.metadata.PackageNotFoundError: No package metadata was found for a",
            "its `python` finds no package apache-airflow-core",
        ),
        ('runc create failed: exec: "python": executable file not found in $PATH', "there is no `python` on its PATH"),
    ],
)
def test_image_without_airflow_is_refused(commands: FakeCommands, stderr: str, reason: str) -> None:
    on_version(commands, stderr=stderr, returncode=1)
    with pytest.raises(UsageError) as caught:
        check_version(DOCKER, "a:1")
    assert str(caught.value) == f"the image a:1 has no Airflow 3: {reason}"


def test_engine_that_fails_is_no_image_without_airflow(commands: FakeCommands) -> None:
    on_version(commands, stderr="Cannot connect to the Docker daemon", returncode=1)
    with pytest.raises(EngineError, match="Cannot connect"):
        check_version(DOCKER, "a:1")
