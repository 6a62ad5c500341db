"""One session has an environment for itself: the workers of pytest-xdist would each take it from the others."""

import pytest

ENVIRONMENT = "airflow_env"
REFUSAL = (
    "pytest-xdist (-n) cannot share an Airflow environment: its workers would deliver, record and report side by side. "
    "Run the tests that use `airflow_env` without -n (or with -n 0), the others as you like."
)


def uses_environment(item: pytest.Item) -> bool:
    """Return whether a test asks for an environment: by its arguments, its marks, or so far in its code."""
    names = getattr(getattr(item, "_request", None), "fixturenames", ())
    return ENVIRONMENT in {*getattr(item, "fixturenames", ()), *names}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse, in a worker of pytest-xdist, to begin with tests that use an environment: xdist shows this once."""
    if is_worker(config) and any(map(uses_environment, items)):
        items.clear()
        report = pytest.CollectReport("pytest-xdist", "failed", REFUSAL, [])
        config.hook.pytest_collectreport(report=report)


def is_worker(config: pytest.Config) -> bool:
    """Return whether this is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")
