"""What one may choose: flags win over `HARNESS_*` variables, these over `[tool.harness]` in pyproject.toml."""

import os
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from platformdirs import user_state_path
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from harness import labels
from harness.errors import UsageError
from harness.project import find_project, read_table

DEV = "dev"
DEV_PORT = 8080
# Outside Linux's ephemeral ports (32768 and up), so that no client connection can hold ours.
DERIVED_PORTS = range(20000, 30000)
NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?")
# The chart that comes with the package: in a wheel among its files, in a checkout beside it.
_PACKAGE = Path(__file__).parent
HELM = next((folder for folder in (_PACKAGE / "helm", _PACKAGE.parent / "helm") if folder.is_dir()), _PACKAGE / "helm")

ImageSource = Literal["auto", "registry", "mirrors"]
PodSecurity = Literal["privileged", "baseline", "restricted"]
# An environment's own table cannot rename it, and all environments share one state folder.
OF_ALL = {"name", "environments", "state", "project"}

# Where the chart takes what only the harness knows: a value's path, and the text that goes there.
GIVEN_VALUES = {
    "images.airflow.repository": "{airflow_repository}",
    "images.airflow.tag": "{airflow_tag}",
    "images.postgresql.repository": "{postgresql_repository}",
    "images.postgresql.tag": "{postgresql_tag}",
    "images.statsdExporter.repository": "{statsd_exporter_repository}",
    "images.statsdExporter.tag": "{statsd_exporter_tag}",
    "apiServer.baseUrl": "{url}",
}
LOGIN_KEYS = {"username": "username", "password": "password", "email": "email"}


class Settings(BaseSettings):
    """One environment's settings; paths are absolute, or relative to `project`."""

    model_config = SettingsConfigDict(env_prefix="HARNESS_", extra="forbid", frozen=True, use_attribute_docstrings=True)

    project: Path
    """The folder of the pyproject.toml that has the table; never set, but found."""
    name: str = DEV
    """The environment: 1 to 20 of `a-z`, `0-9` and `-`, a letter first."""
    state: Path = Field(default_factory=lambda: user_state_path("harness"))
    """Where caches and environments are; by default in the user's state folder."""
    environments: dict[str, dict[str, Any]] = {}
    """Settings that hold for one environment alone: its name = a table of them."""
    context: str = ""
    """The context of a cluster that is there; without one the environment is a kind cluster of its own."""
    kubeconfig: Path = Field(default_factory=Path, validate_default=True)
    """The file with that context, or several, joined as in `KUBECONFIG`; by default those, or else `~/.kube/config`."""
    gate: Literal["container", "here"] = "container"
    """Where DAG files are imported before a delivery: a `container`, or `here`, by the Airflow beside the harness."""
    protected: bool = False
    """Whether a verb that changes the environment says so, and asks first."""
    images: ImageSource = "auto"
    """Where images come from: `auto`, `registry` or `mirrors`."""
    registry_mirror: str = ""
    """The host of a registry that serves the same images."""
    airflow_image: str = ""
    """An Airflow image of your own, in the engine or pulled: one of this, `airflow_dockerfile`, and packages."""
    airflow_dockerfile: Path | None = None
    """A Dockerfile of your Airflow image; its folder is the build's context."""
    airflow_requirements: Path | None = None
    """Python packages on top of the harness's Airflow image: a requirements file."""
    airflow_packages: list[str] = []
    """Debian packages on top of the harness's Airflow image."""
    workers: int = Field(default=0, ge=0, le=9)
    """Worker nodes beside the control plane, 0 to 9."""
    port: int = Field(default=0, ge=0, le=65535)
    """The port of Airflow's UI and API on 127.0.0.1; 0 is 8080 for `dev`, and for others derived from the name."""
    url: str = Field(default="", validate_default=True)
    """Where Airflow answers on a cluster that is there; by default by a port-forward through the Kubernetes API."""
    api_server: str = "app.kubernetes.io/component=api-server"
    """The label selector of the pods to which that port-forward leads."""
    api_server_port: int = Field(default=8080, ge=1, le=65535)
    """The port at which they answer."""
    chart: Path | None = None
    """The folder of the Helm chart; without it, the chart that comes with the harness, and on kind with its values."""
    values: list[Path] = []
    """Values files over those of the chart; later ones win."""
    dags: Path = Path("dags")
    """The DAGs folder."""
    namespace: str = "tools"
    """The namespace of the release."""
    release: str = "airflow"
    """The name of the Helm release."""
    pod_security: PodSecurity = "restricted"
    """The namespace's Pod Security level: `privileged`, `baseline` or `restricted`."""
    given_values: dict[str, str] = GIVEN_VALUES
    """Where the chart takes what only the harness knows: path of a value = text."""
    node_port: int = Field(default=30080, ge=30000, le=32767)
    """The port on the nodes at which the chart's Service of type NodePort serves Airflow's API."""
    login_secret: str = "airflow-ui-creds"  # noqa: S105 - a name
    """The Secret with the login of Airflow's administrator."""
    login_keys: dict[str, str] = LOGIN_KEYS
    """The keys of that Secret, by what they hold."""
    variables_secret: str = "airflow-variables"  # noqa: S105 - likewise
    """The Secret with the environment variables of tasks."""
    dags_bundle: str = "dags"
    """Airflow's name of the DAG bundle, for a chart without a list `dags.bundles` in its values."""
    dags_config_map: str = "airflow-dags"
    """The ConfigMap of the DAG bundle, likewise."""
    component_label: str = labels.COMPONENT
    """The label by which `harness logs COMPONENT` and the faults of components choose pods."""
    dag_processor: str = "app.kubernetes.io/component=dag-processor"
    """The label selector of the pods that read DAGs."""
    scheduler: str = "deployment/airflow-scheduler"
    """The workload whose pod runs `harness airflow`."""
    scheduler_container: str = "scheduler"
    """The container of that pod."""
    tests: list[str] = []
    """What `harness test` gives pytest before the person's own arguments; without any, pytest's `testpaths` decide."""
    make_secrets: bool = True
    """Whether `up` makes the two Secrets when they are missing; else it refuses, and a person makes them."""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError("1 to 20 of a-z, 0-9 and -, and a letter first")
        return name

    @field_validator("environments")
    @classmethod
    def _check_environments(cls, tables: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name in map(cls._check_name, tables):
            if misplaced := OF_ALL & tables[name].keys():
                raise ValueError(f"{name}.{min(misplaced)} holds for all environments, so it stands in [tool.harness]")
        return tables

    @field_validator("kubeconfig")
    @classmethod
    def _find_kubeconfig(cls, kubeconfig: Path, info: ValidationInfo) -> Path:
        if not {"project", "name", "state"} <= info.data.keys():
            return kubeconfig  # those are refused themselves
        if not info.data.get("context"):
            if kubeconfig != Path():
                raise ValueError("names no cluster without `context`")
            return Path(info.data["state"] / "envs" / info.data["name"] / "kubeconfig")
        files, folder = str(kubeconfig), info.data["project"]
        if kubeconfig == Path():
            files, folder = os.environ.get("KUBECONFIG") or "~/.kube/config", Path.cwd()
        each = (folder / Path(file).expanduser() for file in files.split(os.pathsep) if file)
        return Path(os.pathsep.join(map(str, each)))

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str, info: ValidationInfo) -> str:
        if not info.data.get("context"):
            if url:
                raise ValueError("is of a cluster that is there, so it needs `context`; a kind cluster has `port`")
            return f"http://127.0.0.1:{_port_of(info.data.get('name', DEV), info.data.get('port', 0))}"
        if url and not re.match("https?://[^/]", url):
            raise ValueError("is no http:// or https:// URL")
        return url.rstrip("/")

    @field_validator("airflow_packages")
    @classmethod
    def _check_packages(cls, packages: list[str]) -> list[str]:
        if wrong := [package for package in packages if not DEBIAN_PACKAGE.fullmatch(package)]:
            raise ValueError(f"names of Debian packages, maybe with `=version`; not {', '.join(map(repr, wrong))}")
        return packages

    @model_validator(mode="after")
    def _check_image(self) -> Self:
        packages = self.airflow_requirements or self.airflow_packages
        if sum(map(bool, (self.airflow_image, self.airflow_dockerfile, packages))) > 1:
            raise ValueError(
                "one of airflow_image, airflow_dockerfile, and airflow_requirements with airflow_packages, not more"
            )
        return self

    @field_validator("login_keys")
    @classmethod
    def _check_login_keys(cls, keys: dict[str, str]) -> dict[str, str]:
        if set(keys) != set(LOGIN_KEYS) or len(set(keys.values())) != len(LOGIN_KEYS):
            raise ValueError(f"a key of the Secret for each of {', '.join(LOGIN_KEYS)}, no two alike")
        return keys

    @field_validator("state")
    @classmethod
    def _from_project(cls, state: Path, info: ValidationInfo) -> Path:
        return Path(info.data.get("project", ""), state)

    @property
    def is_elsewhere(self) -> bool:
        """Whether the environment is on a cluster that is there."""
        return bool(self.context)

    @property
    def airflow_port(self) -> int:
        """The port of the UI and API on 127.0.0.1: 8080 for `dev`, else derived from the name."""
        return _port_of(self.name, self.port)

    @property
    def cache_folder(self) -> Path:
        """What can be made again and is shared by all environments."""
        return self.state / "cache"

    @property
    def folder(self) -> Path:
        """What belongs to this environment alone; `down` removes it."""
        return self.state / "envs" / self.name

    @property
    def choice_file(self) -> Path:
        """Where the environment's images come from, as the first `up` chose; `down` removes it."""
        return self.state / "envs" / f"{self.name}.images.json"

    @property
    def log_folder(self) -> Path:
        """What the last commands ran; it stays when `down` removes the environment."""
        return self.state / "logs" / self.name

    @property
    def chart_folder(self) -> Path:
        """The Helm chart."""
        return self.project / self.chart if self.chart else HELM / "tools"

    @property
    def values_files(self) -> list[Path]:
        """The overlays, later ones win."""
        of_chart = [] if self.chart or self.is_elsewhere else [HELM / "values/kind.yaml"]
        return [*of_chart, *(self.project / path for path in self.values)]

    @property
    def dags_folder(self) -> Path:
        """The DAGs that the environment runs."""
        return self.project / self.dags

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: flags, variables, the environment's own table, all environments' table."""
        flags, variables = init_settings(), env_settings()
        project = flags.get("project")
        table = (read_table(project) if isinstance(project, Path) else None) or {}
        chosen = {**table, **variables, **flags}
        tables = chosen.get("environments")
        own = tables.get(chosen.get("name", DEV)) if isinstance(tables, dict) else None
        return (
            init_settings,
            env_settings,
            InitSettingsSource(settings_cls, own if isinstance(own, dict) else {}),
            InitSettingsSource(settings_cls, table),
        )


def _port_of(name: str, port: int) -> int:
    return port or (DEV_PORT if name == DEV else DERIVED_PORTS[zlib.crc32(name.encode()) % len(DERIVED_PORTS)])


def load_settings(flags: Mapping[str, object] | None = None, *, start: Path | None = None) -> Settings:
    """Return the settings for the project around `start` (default: the current folder).

    `flags` that are None count as not given. Raises UsageError that names each bad setting.
    """
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    project = find_project((start or Path.cwd()).resolve())
    try:
        return Settings(project=project, **given)  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(
            ": ".join(filter(None, (".".join(str(part) for part in problem["loc"]), problem["msg"])))
            for problem in error.errors()
        )
    except SettingsError as error:  # a list that is not JSON, for example
        problems = str(error)
    raise UsageError(
        f"bad settings: {problems}",
        next_step="correct the flag, the HARNESS_* variable or [tool.harness] in pyproject.toml",
    )
