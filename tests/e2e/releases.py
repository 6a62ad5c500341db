"""Another release in the place of the environment's, for a while."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness import AirflowEnv

from .inside import wait_until_available


def put(
    env: AirflowEnv, values: Mapping[str, object], *, chart: Path | None = None, overlays: Sequence[Path] = ()
) -> None:
    """Upgrade to these values over the environment's own, and to its chart and overlays unless others are given."""
    settings = env.settings
    env.environment.parts.helm.upgrade(
        settings.release,
        chart or settings.chart_folder,
        namespace=settings.namespace,
        values_files=overlays or settings.values_files,
        values={**env.environment.parts.release.values(), **values},
        description="by an end-to-end test",
    )
    wait_until_available(env.kubernetes, settings, lambda _: None)


@contextmanager
def put_for_a_while(
    env: AirflowEnv, values: Mapping[str, object], *, chart: Path | None = None, overlays: Sequence[Path] = ()
) -> Iterator[None]:
    """Upgrade like `put`; afterwards the environment has its own release."""
    try:
        put(env, values, chart=chart, overlays=overlays)
        yield
    finally:
        env.environment.parts.release.install()
        wait_until_available(env.kubernetes, env.settings, lambda _: None)
