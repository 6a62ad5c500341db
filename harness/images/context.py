"""Build contexts: a package folder and binaries as one folder, its hash, and the secrets of a build."""

import hashlib
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from harness.images.package_settings import find_ca, read_package_settings
from harness.steps import Say, Step
from harness.tools.docker import Docker


def package_folder(image: str) -> Path:
    """Return the folder with the Dockerfile and files of `image`: node, airflow, postgres."""
    with as_file(files("harness.images").joinpath(image)) as folder:
        return folder


def hash_of(*parts: object) -> str:
    """Return 12 hexadecimal digits that change when a part does; a Path part stands for its tree's names and bytes."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            for path in sorted(_files(part)):
                digest.update(f"{path.relative_to(part)}\0{path.stat().st_mode & 0o111}\0".encode())
                digest.update(path.read_bytes())
        else:
            digest.update(part if isinstance(part, bytes) else str(part).encode())
            digest.update(b"\0")
    return digest.hexdigest()[:12]


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


@contextmanager
def build_context(folder: Path, binaries: Mapping[str, Path] | None = None) -> Iterator[Path]:
    """Yield a temporary copy of `folder` with `binaries` (name -> file) below `bin/`."""
    with tempfile.TemporaryDirectory(prefix="harness-build-") as name:
        context = Path(name)
        shutil.copytree(
            folder, context, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "go")
        )
        (context / "bin").mkdir(exist_ok=True)
        for binary, path in (binaries or {}).items():
            shutil.copy2(path, context / "bin" / binary)
        yield context


@contextmanager
def build_secrets() -> Iterator[dict[str, Path]]:
    """Yield the secret mounts of a build: `ca`, this machine's CA bundle, and `packages`, its package settings."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-secrets-")))
        settings = folder / "packages"
        settings.touch(0o600)
        settings.write_text(
            "".join(f"export {key}={shlex.quote(value)}\n" for key, value in read_package_settings().items())
        )
        secrets = {"packages": settings}
        ca = find_ca()
        if ca:
            secrets["ca"] = ca
        yield secrets


def build_step(docker: Docker, image: str, tag: str, *, base: str) -> Step:
    """Return the step that builds the folder of `image` on `base` as `tag`, unless that is there."""

    def build(say: Say) -> None:
        with build_context(package_folder(image)) as context, build_secrets() as secrets:
            docker.build(context, tag, args={"BASE": base}, secrets=secrets, say=say)

    return Step(f"image {image}", lambda: docker.has_images(tag), build)
