"""The pytest plugin: an Airflow for the session, DAG runs to expect things of, a report, evidence of failures."""

import pytest

pytest_plugins = [
    "harness.plugin.environment",
    "harness.plugin.fixtures",
    "harness.plugin.sharing",
    "harness.plugin.usage",
    "harness.plugin.junit",
    "harness.plugin.report",
    "harness.plugin.evidence",
]
# They import each other, and pytest warns of a plugin that was imported before it could rewrite its assertions.
pytest.register_assert_rewrite(*pytest_plugins)

MARKERS = (
    "faults: injects a fault into the cluster or into Airflow, and proves that it acted",
    "serial: needs the environment for itself: no other session and no other worker of pytest-xdist beside it",
    "slow: takes minutes, so a quick session leaves it out by `-m 'not slow'`",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options to those of pytest-kind (`--keep-cluster`, `--cluster-name`, `--kubeconfig`, ...)."""
    group = parser.getgroup("harness")
    group.addoption(
        "--airflow-env",
        metavar="NAME",
        default=None,
        help="environment to test (default: HARNESS_NAME or `dev`); it is made when it is missing",
    )
    group.addoption(
        "--reuse",
        dest="reuse_airflow_env",
        action="store_true",
        help="take the environment that is there, also with CI=true, or make it; leave it for the next session",
    )
    group.addoption(
        "--keep-on-failure",
        action="store_true",
        help="keep an environment that this session made when a test failed, or when it did not come up",
    )
    group.addoption(
        "--no-leak-check",
        action="store_true",
        help="do not look at the end for worker pods, threads and processes that the session has left",
    )
    group.addoption(
        "--e2e-report",
        metavar="DIR",
        default="reports/e2e",
        help="folder for report.html, report.json, summary.md and junit.xml, below the root folder "
        "(default: %(default)s); empty for no report",
    )
    group.addoption(
        "--e2e-evidence",
        metavar="DIR",
        default="reports/evidence",
        help="folder for what there is to see when a test fails, below the root folder (default: %(default)s); "
        "empty for none",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and remember `--keep-cluster`.

    pytest-kind itself keeps the cluster in any case, for removing ours takes more.
    """
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    config.option.keep_airflow_env = config.getoption("keep_cluster")
