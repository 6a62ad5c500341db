"""What a test uses of an environment, whatever its fixtures are called and in whatever way it asks for them."""

from collections.abc import Generator
from dataclasses import dataclass, field

import pytest

from harness.faults.injection import Faults
from harness.observe.recorder import PodRecorder
from harness.observe.runs import Runs
from harness.plugin.environment import AirflowEnv
from harness.plugin.sharing import ENVIRONMENT

OURS = (AirflowEnv, PodRecorder, Runs, Faults)


@dataclass
class Usage:
    """What a session uses; `values` are those that the test has which runs now, or was interrupted."""

    env: AirflowEnv | None = None
    has_asked: bool = False
    values: list[object] = field(default_factory=list)

    def add(self, value: object) -> None:
        """Take a fixture's value if it is one of ours."""
        if isinstance(value, OURS) and not any(value is known for known in self.values):
            self.values.append(value)
        if isinstance(value, AirflowEnv):
            self.env = value

    @property
    def runs(self) -> list[Runs]:
        """Return what the test starts runs with."""
        return [value for value in self.values if isinstance(value, Runs)]

    @property
    def recorder(self) -> PodRecorder | None:
        """Return what records the test's pods."""
        return next((value for value in self.values if isinstance(value, PodRecorder)), None)


USAGE = pytest.StashKey[Usage]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Begin with nothing."""
    config.stash[USAGE] = Usage()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Forget what the test before had."""
    item.config.stash[USAGE].values = []
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Take what is made for the test, also by `request.getfixturevalue`."""
    usage = request.config.stash[USAGE]
    usage.has_asked = usage.has_asked or fixturedef.argname == ENVIRONMENT
    value = yield
    usage.add(value)
    return value


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Take what was made for tests before and is the test's, too."""
    for value in (getattr(item, "funcargs", None) or {}).values():
        item.config.stash[USAGE].add(value)
