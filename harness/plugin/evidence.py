"""Saves the evidence of a failure in a folder that the failure's message names."""

import re
from collections.abc import Generator
from pathlib import Path

import pytest

from harness.observe.evidence import collect
from harness.plugin.environment import AirflowEnv
from harness.plugin.sharing import uses_environment
from harness.plugin.usage import USAGE, Usage

NOTE = "evidence: "


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Save what there is when a test fails that uses an environment."""
    folder, usage = item.config.getoption("e2e_evidence"), item.config.stash[USAGE]
    has_failed = call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception)
    if has_failed and folder and usage.env and uses_environment(item):
        where = item.config.rootpath / folder / re.sub(r"[^\w.-]+", "_", item.nodeid)
        call.excinfo.value.add_note(_save(usage.env, usage, where))  # type: ignore[union-attr]
    return (yield)


def _save(env: AirflowEnv, usage: Usage, folder: Path) -> str:
    started = [run for runs in usage.runs for run in runs.started]
    try:
        collect(
            env.kubernetes,
            env.airflow,
            folder,
            namespace=env.namespace,
            runs=started,
            recorder=usage.recorder,
        )
    except OSError as error:
        return f"no evidence could be saved: {error}"
    return f"{NOTE}{folder}"
