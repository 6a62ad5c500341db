"""Settings: where they come from, which wins, and what is refused."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.project import find_project
from harness.settings import Settings, load_settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n")
    return tmp_path


def write(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.harness]\n{text}\n")


def test_flag_beats_variable_beats_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(start=project).images == "auto"
    write(project, 'images = "mirrors"')
    assert load_settings(start=project).images == "mirrors"
    monkeypatch.setenv("HARNESS_IMAGES", "registry")
    assert load_settings(start=project).images == "registry"
    assert load_settings({"images": "auto"}, start=project).images == "auto"
    assert load_settings({"images": None}, start=project).images == "registry"


def test_project_is_found_from_a_folder_below(project: Path) -> None:
    below = project / "helm" / "tools"
    below.mkdir(parents=True)
    (below / "pyproject.toml").write_text("[tool.other]\n")
    assert find_project(below) == project


def test_no_project_says_what_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no pyproject.toml with a \[tool.harness\] table") as caught:
        load_settings(start=tmp_path)
    assert "change to the project's folder" in caught.value.next_step


def test_file_that_is_not_toml_is_named(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.harness\n")
    with pytest.raises(UsageError, match=r"pyproject.toml is not TOML"):
        load_settings(start=project)


@pytest.mark.parametrize("name", ["", "Dev", "1dev", "a" * 21, "a_b", "../x", "dev\n"])
def test_bad_name_is_refused(project: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"bad settings: name: .*a letter first"):
        load_settings({"name": name}, start=project)


def test_every_bad_setting_is_named_at_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, 'imagse = "auto"')
    monkeypatch.setenv("HARNESS_WORKERS", "10")
    with pytest.raises(UsageError) as caught:
        load_settings({"port": 70000}, start=project)
    for word in ("imagse: Extra inputs", "workers: ", "port: "):
        assert word in str(caught.value)


def test_variable_that_cannot_be_read_is_a_usage_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_VALUES", "helm/values/kind.yaml")
    with pytest.raises(UsageError, match="values"):
        load_settings(start=project)


def test_dev_has_the_port_that_everybody_knows(project: Path) -> None:
    settings = load_settings(start=project)
    assert (settings.name, settings.airflow_port, settings.url) == ("dev", 8080, "http://127.0.0.1:8080")


def test_other_environment_has_its_own_port_and_folder(project: Path) -> None:
    one, same, two = (load_settings({"name": name}, start=project) for name in ("one", "one", "two"))
    assert 20000 <= one.airflow_port < 30000
    assert one.airflow_port == same.airflow_port != two.airflow_port
    assert one.folder != two.folder
    assert one.cache_folder == two.cache_folder
    assert one.kubeconfig.is_relative_to(one.folder)
    assert load_settings({"name": "one", "port": 9999}, start=project).url == "http://127.0.0.1:9999"


def test_relative_paths_are_the_project_s(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_STATE", "state")
    settings = load_settings(start=project)
    assert settings.state == project / "state"
    assert settings.dags_folder == project / "dags"


def test_project_without_a_chart_gets_the_package_s_own(project: Path) -> None:
    settings = load_settings(start=project)
    assert (settings.chart_folder / "Chart.yaml").is_file()
    assert [path.name for path in settings.values_files] == ["kind.yaml"]
    assert settings.values_files[0].is_file()


def test_own_values_come_after_those_for_kind(project: Path) -> None:
    write(project, 'values = ["more.yaml"]')
    names = [path.name for path in load_settings(start=project).values_files]
    assert names == ["kind.yaml", "more.yaml"]


def test_own_chart_has_its_own_values_alone(project: Path) -> None:
    write(project, 'chart = "chart"\nvalues = ["more.yaml"]')
    settings = load_settings(start=project)
    assert settings.chart_folder == project / "chart"
    assert settings.values_files == [project / "more.yaml"]


def test_state_is_the_user_s_by_default(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    state = load_settings(start=project).state
    assert state.is_absolute()
    assert state.is_relative_to(tmp_path)


def test_another_chart_s_names_are_settings(project: Path) -> None:
    write(project, 'login_keys = {username = "user", password = "pass", email = "mail"}\nnode_port = 31000')
    settings = load_settings(start=project)
    assert settings.login_keys["username"] == "user"
    assert settings.node_port == 31000


@pytest.mark.parametrize(
    "text",
    [
        'airflow_image = "a:1"\nairflow_dockerfile = "image/Dockerfile"',
        'airflow_image = "a:1"\nairflow_packages = ["git"]',
        'airflow_dockerfile = "image/Dockerfile"\nairflow_requirements = "requirements.txt"',
    ],
)
def test_two_images_of_airflow_are_refused(project: Path, text: str) -> None:
    write(project, text)
    with pytest.raises(UsageError, match="bad settings: Value error, one of airflow_image, airflow_dockerfile"):
        load_settings(start=project)


def test_requirements_go_with_debian_packages(project: Path) -> None:
    write(project, 'airflow_requirements = "requirements.txt"\nairflow_packages = ["git", "libpq5=15.1-0+deb12u1"]')
    assert load_settings(start=project).airflow_packages == ["git", "libpq5=15.1-0+deb12u1"]


@pytest.mark.parametrize("package", ["", "-oX=y", "git; id", "$(id)", "Git", "git curl", "git=$(id)"])
def test_what_is_no_debian_package_is_refused(project: Path, package: str) -> None:
    write(project, f"airflow_packages = [{package!r}]")
    with pytest.raises(UsageError, match=r"airflow_packages: .*names of Debian packages"):
        load_settings(start=project)


@pytest.mark.parametrize(
    "text",
    [
        'login_keys = {username = "user"}',
        'login_keys = {username = "a", password = "a", email = "b"}',
        "node_port = 80",
    ],
)
def test_names_that_cannot_be_are_refused(project: Path, text: str) -> None:
    write(project, text)
    with pytest.raises(UsageError, match=text.split(maxsplit=1)[0]):
        load_settings(start=project)


def test_settings_do_not_change(project: Path) -> None:
    settings = Settings(project=project)
    with pytest.raises(ValueError, match="frozen"):
        settings.name = "other"


STAGING = """
namespace = "jobs"
[tool.harness.environments.staging]
context = "team"
kubeconfig = "team.yaml"
url = "https://airflow.test/"
namespace = "airflow"
"""


def test_own_table_of_an_environment_wins_for_it_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, STAGING)
    dev, staging = (load_settings({"name": name}, start=project) for name in ("dev", "staging"))
    assert (dev.context, dev.namespace, dev.url) == ("", "jobs", "http://127.0.0.1:8080")
    assert (staging.context, staging.namespace, staging.url) == ("team", "airflow", "https://airflow.test")
    assert staging.kubeconfig == project / "team.yaml"
    monkeypatch.setenv("HARNESS_NAMESPACE", "mine")
    monkeypatch.setenv("HARNESS_NAME", "staging")
    assert (load_settings(start=project).context, load_settings(start=project).namespace) == ("team", "mine")


def test_context_s_kubeconfig_is_by_default_kubectl_s(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, 'environments.ours = {context = "team"}')
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert load_settings({"name": "ours"}, start=project).kubeconfig == Path("/home/ada/.kube/config")
    monkeypatch.setenv("KUBECONFIG", "/etc/team.yaml")
    assert load_settings({"name": "ours"}, start=project).kubeconfig == Path("/etc/team.yaml")
    assert load_settings(start=project).kubeconfig.name == "kubeconfig"


def test_several_kubeconfigs_are_looked_for_as_by_kubectl(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, 'environments.ours = {context = "team"}\nenvironments.set = {context = "team", kubeconfig = "a:/b"}')
    monkeypatch.setenv("KUBECONFIG", "/etc/team.yaml::mine.yaml")
    monkeypatch.chdir(tmp_path)
    assert str(load_settings({"name": "ours"}, start=project).kubeconfig) == f"/etc/team.yaml:{tmp_path}/mine.yaml"
    assert str(load_settings({"name": "set"}, start=project).kubeconfig) == f"{project}/a:/b"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('environments.Prod = {context = "a"}', "environments: .*a letter first"),
        ('environments.prod = {name = "a"}', r"environments: .*prod.name holds for all"),
        ('environments.prod = "team"', r"environments.prod: .*dictionary"),
        ('environments.dev = {contxt = "a"}', "contxt: Extra inputs"),
        ('kubeconfig = "a"', "kubeconfig: .*without `context`"),
        ('url = "http://a"', "url: .*it needs `context`"),
        ('context = "a"\nurl = "airflow.test"', "url: .*no http"),
    ],
)
def test_environment_that_cannot_be_is_refused(project: Path, text: str, told: str) -> None:
    write(project, text)
    with pytest.raises(UsageError, match=told):
        load_settings(start=project)
