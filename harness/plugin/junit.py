"""pytest's JUnit file, beside the report of a session that has one, if nobody says where."""

import pytest
from _pytest.junitxml import xml_key

from harness.plugin.sharing import is_worker, uses_environment

FILE = "junit.xml"
BESIDE = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Say where, before pytest looks."""
    folder = config.getoption("e2e_report")
    is_given = config.getoption("xmlpath", "no such option") or config.getoption("collectonly")
    is_shared = is_worker(config) or config.getoption("dist", "no") != "no"  # a session that has no report
    if folder and not is_given and not is_shared:
        config.option.xmlpath = str(config.rootpath / folder / FILE)
        config.stash[BESIDE] = True


def pytest_collection_finish(session: pytest.Session) -> None:
    """Take it back when no test uses an environment; else use the family that has a place for what tests record."""
    config = session.config
    writer = config.stash.get(xml_key, None)
    if BESIDE not in config.stash or writer is None:
        return
    if any(map(uses_environment, session.items)):
        writer.family = "xunit1"
    else:
        del config.stash[xml_key]
        config.pluginmanager.unregister(writer)
        config.option.xmlpath = None
