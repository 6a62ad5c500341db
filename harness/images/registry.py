"""The source `registry`: official images by digest, and Airflow built on the official Python image."""

from dataclasses import dataclass

from harness.images.context import build_step, hash_of, package_folder
from harness.images.imageset import ImageSet, name_image
from harness.images.source import Choice
from harness.pins import Pins
from harness.steps import Say, Step
from harness.tools.docker import Docker


@dataclass(frozen=True)
class Registry:
    """The recipes; the choice may name a mirror, which serves the same images, for example a company's proxy."""

    docker: Docker
    pins: Pins
    choice: Choice

    def images(self) -> ImageSet:
        """Return the names of all images."""
        return ImageSet(
            self.choice,
            node=self._reference(self.pins.registry.node),
            airflow=name_image("airflow", hash_of(self.base, package_folder("airflow"))),
            postgresql=name_image("postgres", hash_of(self._postgresql)),
            statsd_exporter=name_image("statsd-exporter", hash_of(self._statsd_exporter)),
        )

    def steps(self, *, with_airflow: bool = True) -> list[Step]:
        """Return the steps that make what is not there, Airflow's image unless a project has one of its own."""
        images = self.images()
        return [
            self._pull("node", images.node),
            self._pull("python", self.base),
            *([build_step(self.docker, "airflow", images.airflow, base=self.base)] if with_airflow else []),
            self._pull_as("postgresql", self._postgresql, images.postgresql),
            self._pull_as("statsd-exporter", self._statsd_exporter, images.statsd_exporter),
        ]

    @property
    def base(self) -> str:
        """Return the image that Airflow's is built on."""
        return self._reference(self.pins.registry.python)

    @property
    def _postgresql(self) -> str:
        return self._reference(self.pins.registry.postgresql)

    @property
    def _statsd_exporter(self) -> str:
        return self._reference(self.pins.registry.statsd_exporter)

    def _reference(self, pinned: str) -> str:
        """Return `name@sha256:...`, at the mirror if there is one; the digest is what counts, so the tag goes."""
        name, _, digest = pinned.partition("@")
        name = name.rsplit(":", 1)[0]
        if not self.choice.mirror:
            return f"{name}@{digest}"
        return f"{self.choice.mirror}/{name if '/' in name else f'library/{name}'}@{digest}"

    def _pull(self, name: str, reference: str) -> Step:
        return Step(
            f"image {name}", lambda: self.docker.has_images(reference), lambda say: self.docker.pull(reference, say)
        )

    def _pull_as(self, name: str, reference: str, tag: str) -> Step:
        def pull(say: Say) -> None:
            self.docker.pull(reference, say)
            self.docker.call("tag", reference, tag)

        return Step(f"image {name}", lambda: self.docker.has_images(tag), pull)
