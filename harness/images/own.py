"""A project's own Airflow image: ready-made, of a Dockerfile, or ours with the project's packages on top."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.command import CommandError
from harness.errors import UsageError, Verb
from harness.images.context import build_context, build_secrets, hash_of, package_folder
from harness.images.imageset import name_image
from harness.settings import Settings
from harness.steps import Say, Step
from harness.tools.docker import Docker

# The minors that the end-to-end tests have passed with; another one is added here when they have with its image.
SUPPORTED = ("3.3",)
ASK_VERSION = "from importlib.metadata import version; print(version('apache-airflow-core'))"
# What Python or the engine writes, and what that means.
NO_AIRFLOW = {
    "PackageNotFoundError": "its `python` finds no package apache-airflow-core",
    "executable file not found": "there is no `python` on its PATH",
}
VERSION_S = 60
SHOWN_LINES = 15
# A requirement that is a file or a folder: what is in it would not be in the image's name.
_LOCAL = re.compile(r"\s*(-[rce]|--(requirement|constraint|editable)\b|[./]|\S+ @ file:|file:)")
_TAKES_OURS = re.compile(r"^\s*ARG\s+AIRFLOW\b", re.MULTILINE | re.IGNORECASE)
# BuildKit's plain progress: each line has its step's number, and those of a step's own output the seconds since.
_FAILED = re.compile(r"^#(\d+) (ERROR.*)$", re.MULTILINE)


@dataclass(frozen=True)
class OwnImage:
    """The image that cluster and gate run: its name, a hash of what goes into it, and the steps that make it.

    `before` are the steps without which the name is not known. `is_on_ours` tells whether the harness's own Airflow
    image goes into it.
    """

    find_name: Callable[[], str]
    steps: tuple[Step, ...]
    before: tuple[Step, ...] = ()
    is_on_ours: bool = False

    @property
    def name(self) -> str:
        """Return the name under which the engine has the image, or will have it."""
        return self.find_name()


def find_own(settings: Settings, docker: Docker, *, base: str, ours: str) -> OwnImage | None:
    """Return the image that the settings ask for, or None for the harness's own, `ours`, which is built on `base`.

    Raises UsageError for a file that is not there or cannot be built from.
    """
    if settings.airflow_image:
        return _ready_made(settings.airflow_image, docker)
    if settings.airflow_dockerfile:
        path = _existing(settings, "airflow_dockerfile", settings.airflow_dockerfile)
        return _of_dockerfile(path, settings, docker, {"BASE": base, "AIRFLOW": ours})
    if settings.airflow_requirements or settings.airflow_packages:
        return _with_packages(settings, docker, ours)
    return None


def check_version(docker: Docker, image: str) -> None:
    """Raise UsageError for an image without Airflow, or with one that the harness is not proven with."""
    try:
        version = docker.run_once(image, ["python", "-c", ASK_VERSION], user="", timeout_s=VERSION_S)
    except CommandError as error:
        reason = next((reason for sign, reason in NO_AIRFLOW.items() if sign in error.output), "")
        if not reason:
            raise
        raise UsageError(
            f"the image {image} has no Airflow 3: {reason}",
            next_step="give an image with Airflow in [tool.harness] of pyproject.toml",
        ) from None
    if not version.startswith(tuple(f"{minor}." for minor in SUPPORTED)):
        raise UsageError(
            f"the image {image} has Airflow {version}; supported is {', '.join(SUPPORTED)}",
            next_step=f"give an image with Airflow {SUPPORTED[-1]} in [tool.harness] of pyproject.toml",
        )


def _ready_made(reference: str, docker: Docker) -> OwnImage:
    def find_name() -> str:
        # A tag may get another image: the name follows the image, so that the cluster does, too.
        return name_image("airflow", hash_of(docker.image_id(reference) or reference))

    def pull(say: Say) -> None:
        try:
            docker.pull(reference, say)
        except CommandError as error:
            raise UsageError(
                f"the image {reference} is not in the engine and cannot be pulled:\n{_excerpt(error.output)}",
                next_step=("correct `airflow_image` in [tool.harness]", error.advice),
            ) from None

    return OwnImage(
        find_name,
        before=(
            Step("image airflow", lambda: docker.has_images(reference), pull),
            Step("airflow's version", None, lambda _: check_version(docker, reference)),
        ),
        steps=(
            Step(
                "name of the image airflow",
                lambda: docker.has_images(find_name()),
                lambda _: docker.call("tag", reference, find_name()),
            ),
        ),
    )


def _of_dockerfile(path: Path, settings: Settings, docker: Docker, arguments: Mapping[str, str]) -> OwnImage:
    folder = path.parent
    if settings.dags_folder.is_relative_to(folder):
        raise UsageError(
            f"airflow_dockerfile: all of {folder} would be in the image's name, also each edit of a DAG",
            next_step="put the Dockerfile, with what it copies, into a folder of its own, such as image/",
        )
    name = name_image("airflow", hash_of(folder, path.name, *sorted(arguments.items())))

    def build(say: Say) -> None:
        with build_secrets() as secrets, _explained(path):
            docker.build(folder, name, file=path, args=arguments, secrets=secrets, say=say)

    return _built(name, docker, build, is_on_ours=bool(_TAKES_OURS.search(path.read_text())))


def _with_packages(settings: Settings, docker: Docker, ours: str) -> OwnImage:
    path = settings.airflow_requirements
    requirements = _existing(settings, "airflow_requirements", path).read_text() if path else ""
    for number, line in enumerate(requirements.splitlines(), 1):
        if _LOCAL.match(line):
            raise UsageError(
                f"{path}:{number}: `{line.strip()}` is a file of this machine, which the image's build does not see",
                next_step="name packages alone (`uv pip compile` makes one file of many), or use `airflow_dockerfile`",
            )
    packages = sorted(set(settings.airflow_packages))
    name = name_image("airflow", hash_of(ours, package_folder("requirements"), requirements, *packages))

    def build(say: Say) -> None:
        with build_context(package_folder("requirements")) as context, build_secrets() as secrets:
            shutil.copy(package_folder("airflow") / "uv.txt", context)
            (context / "requirements.txt").write_text(requirements)
            with _explained(path or "airflow_packages"):
                docker.build(
                    context, name, args={"BASE": ours, "PACKAGES": " ".join(packages)}, secrets=secrets, say=say
                )

    return _built(name, docker, build, is_on_ours=True)


def _built(name: str, docker: Docker, build: Callable[[Say], None], *, is_on_ours: bool) -> OwnImage:
    return OwnImage(
        lambda: name,
        steps=(
            Step("image airflow of the project", lambda: docker.has_images(name), build),
            Step("airflow's version", None, lambda _: check_version(docker, name)),
        ),
        is_on_ours=is_on_ours,
    )


def _existing(settings: Settings, setting: str, path: Path) -> Path:
    found = settings.project / path
    if not found.is_file():
        raise UsageError(
            f"{setting}: {found} is not there", next_step="correct it in [tool.harness] of pyproject.toml, or make it"
        )
    return found


@contextmanager
def _explained(what: object) -> Iterator[None]:
    """Let a build that fails say in one message what was built of what, and why it failed."""
    try:
        yield
    except CommandError as error:
        raise UsageError(
            f"the image of {what} cannot be built:\n{_excerpt(error.output)}",
            next_step=(error.advice or "correct it", Verb("up", "builds it")),
        ) from None


def _excerpt(output: str) -> str:
    """Return the end of what a pull or a build printed; of a build only what the step that failed did."""
    lines = output.strip().splitlines()
    if failed := _FAILED.search(output):
        lines = re.findall(rf"^#{failed[1]} \d+\.\d+ (.*)$", output, re.MULTILINE) or [failed[2]]
    return "\n".join(lines[-SHOWN_LINES:])
