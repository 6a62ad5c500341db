"""What an environment runs, by name; each name holds a hash of all that went into the image."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.images.context import hash_of
from harness.images.source import Choice

REPOSITORY = "localhost/harness"


@dataclass(frozen=True)
class ImageSet:
    """`system` maps the names that Kubernetes asks for to our images; empty when the node image brings its own."""

    choice: Choice
    node: str
    airflow: str
    postgresql: str
    statsd_exporter: str
    system: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Return a hash of all names."""
        return hash_of(self.node, *self.release, sorted(self.system.items()))

    @property
    def release(self) -> tuple[str, ...]:
        """Return the images that the chart's pods run."""
        return (self.airflow, self.postgresql, self.statsd_exporter)


def name_image(name: str, tag: str) -> str:
    """Return the full name of an image that we make; Kubernetes never pulls from `localhost`."""
    return f"{REPOSITORY}/{name}:{tag}"
