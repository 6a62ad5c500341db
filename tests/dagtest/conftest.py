"""Fixtures: a PostgreSQL of the image that the chart runs, an Airflow on it, and runs of DAGs within this process."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from harness.environment import Environment
from harness.parts import Parts
from harness.settings import load_settings
from harness.steps import Outcome, run_steps
from harness.waiting import NotYet, wait_until

DAGS = Path(__file__).parents[2] / "dags"
PASSWORD = "of-a-test"  # noqa: S105 - of a database that ends with the tests


class Quiet:
    """A reporter that says nothing."""

    def started(self, name: str) -> None: ...

    def said(self, text: str) -> None: ...

    def ended(self, name: str, outcome: Outcome, seconds: float) -> None: ...


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let Airflow use what pathspec has deprecated."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Start PostgreSQL and return `user:password@host:port` of it; the image is made when it is missing."""
    environment = Environment(Parts(load_settings({})))
    environment.start_engine(Quiet())
    run_steps(environment.parts.recipes.steps(), Quiet())
    container = DockerContainer(environment.parts.images.postgresql).with_env("POSTGRES_PASSWORD", PASSWORD)
    ports: dict[str, Any] = container.ports
    ports["5432/tcp"] = ("127.0.0.1", None)  # with_bind_ports knows no address
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testcontainers_config, "ryuk_disabled", value=True)  # its image would come from a registry
        with container:

            def is_ready() -> bool | NotYet:
                done = container.exec(["pg_isready", "--host=127.0.0.1", "--username=postgres"])
                return done.exit_code == 0 or NotYet(done.output.decode().strip())

            wait_until("PostgreSQL", is_ready, timeout_s=60)
            container.exec(["createdb", "--username=postgres", "airflow"])
            yield f"postgres:{PASSWORD}@127.0.0.1:{container.get_exposed_port(5432)}"


@dataclass(frozen=True)
class Home:
    """An Airflow of our own: its folder, and the database that its DAGs may use."""

    folder: Path
    warehouse: str

    @property
    def logs(self) -> Path:
        """The folder of the task logs."""
        return self.folder / "logs"


@pytest.fixture(scope="session")
def home(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Set up Airflow, whose settings count from its first import on, with its metadata in PostgreSQL."""
    home = Home(tmp_path_factory.mktemp("airflow"), f"postgresql://{postgresql}/postgres")
    bundle = {"name": "dags", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AIRFLOW_HOME": str(home.folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([{**bundle, "kwargs": {"path": str(DAGS)}}]),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{postgresql}/airflow",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.logs),
        }.items():
            patch.setenv(name, value)
        from airflow.utils.db import initdb  # noqa: PLC0415 - it reads the settings above

        initdb()
        yield home


@pytest.fixture(scope="session")
def dags(home: Home) -> dict[str, Any]:  # noqa: ARG001 - Airflow comes first
    """Return the DAGs of `dags/` by id; all files must import."""
    return load_dags(DAGS)


def load_dags(path: Path) -> dict[str, Any]:
    """Load DAGs as the dag-processor does, from a folder or one file."""
    from airflow.dag_processing.dagbag import BundleDagBag  # noqa: PLC0415 - after the settings

    bag = BundleDagBag(dag_folder=str(path), bundle_path=DAGS, bundle_name="dags")
    assert not bag.import_errors
    return dict(bag.dags)


@dataclass(frozen=True)
class Result:
    """A run that ended: its state, and what each task returned and how many tries it had."""

    state: str
    returned: dict[str, Any]
    tries: dict[str, int]


@pytest.fixture
def run_dag(home: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:  # noqa: ARG001 - likewise
    """Return what runs a DAG with `dag.test()`: real tasks, in this process, one after the other."""

    def run(dag_id: str, conf: dict[str, Any] | None = None, **settings: str) -> Result:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        # A new object for each run: the parameters of one would stay for the next.
        dag = load_dags(DAGS / f"{dag_id}.py")[dag_id]
        # Airflow 3.3.2 looks the deadlines of a finished run up by their ids, and `dag.test()` gives them none.
        dag.deadline = None
        for task in dag.tasks:
            task.retry_delay = timedelta(0)
        run = dag.test(run_conf=conf)
        tis = run.get_task_instances()
        returned = {ti.task_id: ti.xcom_pull(task_ids=ti.task_id) for ti in tis if ti.state == "success"}
        return Result(str(run.state), returned, {ti.task_id: ti.try_number for ti in tis})

    return run
