"""The images as containerd keeps them: unpacked once, then linked into each node within a second.

Linux hosts only: a node mounts its store from this host. Elsewhere, and where the store cannot be filled, the images
are loaded after the cluster is made.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from harness import labels
from harness.command import CommandError
from harness.images.context import package_folder
from harness.images.imageset import ImageSet
from harness.images.load import CTR, import_images
from harness.steps import Say, Step
from harness.tools.docker import Docker, Mount
from harness.tools.docker_output import is_disk_full
from harness.waiting import CLOCK, Clock, NotYet, Unreachable, WaitTimeoutError, wait_until

FILLER = "harness-store"
SOCKET = "/run/harness-store.sock"
STORE_CTR = (*CTR, f"--address={SOCKET}")
CLONE_S = 120
KEPT = 2  # each is over a gigabyte; the one before serves to go back to
START_S = 60


@dataclass(frozen=True)
class Store:
    """The shared store of one set of images, below `cache`; the container that fills it is of `environment`."""

    docker: Docker
    images: ImageSet
    cache: Path
    environment: str
    clock: Clock = CLOCK

    @property
    def folder(self) -> Path:
        """Where the finished store is."""
        return self.cache / "store" / self.images.digest

    @property
    def is_filled(self) -> bool:
        """Tell whether nodes can have it; else images are loaded into each of them."""
        return self.folder.exists()

    def step(self) -> Step:
        """Return the step that fills the store, or finds once and for all that none can be had here."""
        return Step("image store", lambda: self.is_filled or self._refusal.exists(), self._ensure)

    @property
    def _refusal(self) -> Path:
        return self.folder.with_suffix(".none")

    def clone(self, target: Path) -> None:
        """Make `target` a node's own store; what was there is gone."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self._as_root("clone", f"/state/{self._inside(self.folder)}", f"/state/{self._inside(target)}")

    def _inside(self, path: Path) -> Path:
        return path.relative_to(self.cache.parent)

    def _as_root(self, script: str, *args: str) -> None:
        # One mount for both ends: a hard link cannot cross two.
        self.docker.run_once(
            self.images.node,
            ["bash", f"/scripts/{script}", *args],
            mounts=[Mount(self.cache.parent, "/state"), Mount(package_folder("scripts"), "/scripts", read_only=True)],
            timeout_s=CLONE_S,
        )

    def _ensure(self, say: Say) -> None:
        """Fill the store; where containerd cannot keep images in it, as on some file systems, do without."""
        try:
            self._fill(say)
        except (CommandError, Unreachable, WaitTimeoutError) as error:
            remove_folder(self.docker, self.images.node, self.folder.with_suffix(".partial"))
            # Kubernetes' own images get into the nodes by the store alone, and a full disk may have room tomorrow.
            if self.images.system or (isinstance(error, CommandError) and is_disk_full(error)):
                raise
            self._refusal.write_text(str(error))
            say(f"no store, each node loads the images: {str(error).splitlines()[-1]}; {self._refusal} tells more")

    def _fill(self, say: Say) -> None:
        name = f"{FILLER}-{self.images.digest}"
        partial = self.folder.with_suffix(".partial")
        remove_folder(self.docker, self.images.node, partial)
        partial.mkdir(parents=True)
        self.docker.call("rm", "--force", "--volumes", name)
        self.docker.call(
            *("run", "--detach", "--privileged", "--network=none", "--name", name, "--entrypoint", "bash"),
            *labels.docker_flags(self.environment),
            *("--mount", Mount(partial, "/store").as_flag()),
            *("--mount", Mount(package_folder("scripts"), "/scripts", read_only=True).as_flag()),
            *(self.images.node, "/scripts/fill"),
        )
        try:
            what = "containerd of the image store"
            wait_until(what, lambda: self._answers(name), timeout_s=START_S, clock=self.clock)
            for wanted, image in self.images.system.items():
                self.docker.call("tag", image, wanted)
            references = [*self.images.system, *self.images.release]
            started = self.clock.now()
            import_images(self.docker, references, name, say, ctr=STORE_CTR)
            say(f"{len(references)} images imported in {self.clock.now() - started:.0f} s")
            self.docker.call("stop", "-t=30", name)
            if not any(partial.iterdir()):
                raise Unreachable("the engine does not see this machine's folders: it keeps others by the same names")
        finally:
            self.docker.call("rm", "--force", "--volumes", name)
        partial.rename(self.folder)
        finished = [path for path in self.folder.parent.iterdir() if not path.suffix]
        for outdated in sorted(finished, key=lambda path: path.stat().st_mtime)[:-KEPT]:
            remove_folder(self.docker, self.images.node, outdated)

    def _answers(self, name: str) -> str | NotYet:
        try:
            return self.docker.exec(name, *STORE_CTR, "version")
        except CommandError as error:
            if self.docker.inspect(name)["State"]["Running"]:
                return NotYet(str(error))
        raise Unreachable(f"containerd of the image store ended:\n{self.docker.logs(name)}")


def remove_folder(docker: Docker, image: str, folder: Path) -> None:
    """Remove a folder of ours; files of other users in it are removed by root in a container of `image`."""
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except PermissionError:
            docker.run_once(image, ["rm", "-rf", f"/parent/{folder.name}"], mounts=[Mount(folder.parent, "/parent")])
