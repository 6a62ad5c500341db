"""Small real values that many tests begin with."""

import json
from pathlib import Path
from typing import Any

from harness.images.imageset import ImageSet
from harness.images.source import Choice
from harness.settings import Settings
from harness.steps import Step
from harness.tools.docker import Docker

DOCKER = Docker("docker")
CHOICE = Choice("mirrors", "as set")
IMAGES = ImageSet(
    CHOICE,
    node="localhost/harness/node:1",
    airflow="localhost/harness/airflow:2",
    postgresql="localhost/harness/postgres:3",
    statsd_exporter="localhost/harness/statsd-exporter:4",
    system={"localhost/harness/pause:1": "localhost/harness/pause:abc"},
)
REGISTRY_IMAGES = ImageSet(
    Choice("registry", "as set"), node="kindest/node@sha256:1", airflow="a:1", postgresql="p:1", statsd_exporter="s:1"
)


def is_done(step: Step) -> bool:
    """Return whether a step, which is no check, finds nothing to do."""
    assert step.is_done
    return step.is_done()


def settings_of(folder: Path, **others: Any) -> Settings:
    """Return settings whose project and state are below `folder`."""
    project = folder / "project"
    project.mkdir(exist_ok=True)
    files: dict[str, Any] = {"chart": Path("helm/tools"), "values": [Path("helm/values/kind.yaml")]}
    return Settings(project=project, state=folder / "state", **{**files, **others})


def info(**others: Any) -> str:
    """Return what `docker info` prints."""
    return json.dumps(
        {
            "ServerVersion": "29.0",
            "CgroupVersion": "2",
            "DockerRootDir": "/var/lib/docker",
            "Driver": "overlay2",
            "DefaultRuntime": "runc",
            "OperatingSystem": "Debian GNU/Linux 12",
            "NCPU": 2,
            "MemTotal": 8_000_000_000,
            "ClientInfo": {"Context": "default"},
            **others,
        }
    )


INFO = ("info", "--format", "{{json .}}")
PLATFORM = ("docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")


def make_executable(path: Path) -> Path:
    """Make a file that is found on PATH; what it does is said with `commands.on`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/false\n")
    path.chmod(0o755)
    return path
