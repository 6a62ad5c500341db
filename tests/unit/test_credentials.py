"""The two Secrets: made once, read from the cluster, never changed, never shown twice."""

from pathlib import Path

import pytest

from harness.credentials import (
    KnownVariables,
    Login,
    check_secrets,
    credentials_file,
    ensure_secrets,
    find_login,
    password_to_show,
    read_credentials,
)
from harness.errors import UsageError
from harness.redact import redact
from harness.settings import Settings
from harness.tools.k8s import Kubernetes
from harness.tools.k8s_connection import KubernetesError

from .fakes.clock import FakeTime
from .fakes.kubernetes import FakeApiServer, Response
from .samples import settings_of


class Server(FakeApiServer):
    """Holds the Secrets of a test."""

    def put_login(self, **keys: str) -> None:
        self.put("secrets", {"metadata": {"name": "airflow-ui-creds", "namespace": "tools"}, "stringData": keys})

    def put_variables(self, **keys: str) -> None:
        self.put("secrets", {"metadata": {"name": "airflow-variables", "namespace": "tools"}, "stringData": keys})


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path)


def test_missing_secrets_are_made_with_a_random_password(
    kubernetes: Kubernetes, server: Server, settings: Settings
) -> None:
    login = ensure_secrets(kubernetes, settings)
    assert (login.username, login.email) == ("admin", "admin@example.org")
    assert len(login.password) >= 20
    for name in ("airflow-ui-creds", "airflow-variables"):
        metadata = server.objects["secrets", "tools", name]["metadata"]
        assert metadata["labels"]["harness.dev/environment"] == "dev"


def test_what_a_person_made_is_taken_and_not_changed(
    kubernetes: Kubernetes, server: Server, settings: Settings
) -> None:
    server.put_login(username="ada", password="lovelace1", email="ada@example.org")  # noqa: S106 - of nothing
    server.put("secrets", {"metadata": {"name": "airflow-variables", "namespace": "tools"}})
    login = ensure_secrets(kubernetes, settings)
    assert (login.username, login.password) == ("ada", "lovelace1")
    assert {request.method for request in server.requests} == {"GET"}
    assert password_to_show(settings) is None


def test_second_call_changes_nothing(kubernetes: Kubernetes, server: Server, settings: Settings) -> None:
    first = ensure_secrets(kubernetes, settings)
    server.requests.clear()
    assert ensure_secrets(kubernetes, settings) == first
    assert {request.method for request in server.requests} == {"GET"}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"username": "a"}, "has no key password; has no key email"),
        ({"username": "a", "password": "", "email": " "}, "key password is empty; key email is empty"),
    ],
)
def test_broken_login_names_secret_and_key_and_no_value(
    kubernetes: Kubernetes, server: Server, settings: Settings, given: dict[str, str], problem: str
) -> None:
    server.put_login(**{**given, "username": "hidden-value"})
    with pytest.raises(UsageError, match=f"^Secret tools/airflow-ui-creds {problem}$") as caught:
        ensure_secrets(kubernetes, settings)
    assert "delete secret airflow-ui-creds" in caught.value.next_step
    assert "hidden-value" not in f"{caught.value}{caught.value.next_step}"
    assert {request.method for request in server.requests} == {"GET"}


def test_broken_variables_are_refused_before_anything_is_made(
    kubernetes: Kubernetes, server: Server, settings: Settings
) -> None:
    server.put("namespaces", {"metadata": {"name": "tools"}})
    server.put(
        "secrets", {"metadata": {"name": "airflow-variables", "namespace": "tools"}, "stringData": {"a-b": "hidden"}}
    )
    with pytest.raises(UsageError, match=r"^Secret tools/airflow-variables key a-b is no name of a variable") as caught:
        check_secrets(kubernetes, settings)
    assert "hidden" not in f"{caught.value}{caught.value.next_step}"


def test_odd_characters_are_read_as_they_are(kubernetes: Kubernetes, server: Server, settings: Settings) -> None:
    odd = "p$HOME\"'\\n%s\nü漢"
    server.put_login(username="ada", password=odd, email="ada@example.org")
    assert ensure_secrets(kubernetes, settings).password == odd


def test_secrets_left_to_a_person_are_not_made(kubernetes: Kubernetes, server: Server, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, make_secrets=False)
    server.put_login(username="ada", password="lovelace1", email="ada@example.org")  # noqa: S106 - of nothing
    with pytest.raises(UsageError, match=r"^namespace tools has no Secret airflow-variables$") as caught:
        ensure_secrets(kubernetes, settings)
    assert "create secret generic airflow-variables" in caught.value.next_step
    assert {request.method for request in server.requests} == {"GET"}


def test_without_a_namespace_there_is_nothing_to_check(kubernetes: Kubernetes, tmp_path: Path) -> None:
    check_secrets(kubernetes, settings_of(tmp_path, make_secrets=False))


def test_cluster_that_does_not_answer_is_checked_later(
    kubernetes: Kubernetes, server: Server, settings: Settings
) -> None:
    server.refusals.append(Response(503, b"", "Service Unavailable"))
    check_secrets(kubernetes, settings)


def test_missing_secret_says_who_makes_it(kubernetes: Kubernetes, settings: Settings) -> None:
    with pytest.raises(UsageError, match="Secret tools/airflow-ui-creds is not there") as caught:
        read_credentials(kubernetes, settings)
    assert caught.value.next_step == "harness up"


def test_password_is_masked_from_then_on(kubernetes: Kubernetes, settings: Settings) -> None:
    login = ensure_secrets(kubernetes, settings)
    assert redact(f"login with {login.password} failed") == "login with *** failed"


def test_password_is_shown_once_and_kept_for_its_owner_alone(kubernetes: Kubernetes, settings: Settings) -> None:
    assert password_to_show(settings) is None
    login = ensure_secrets(kubernetes, settings)
    assert password_to_show(settings) == login.password
    assert password_to_show(settings) is None
    file = credentials_file(settings)
    assert login.password in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0


def test_variables_are_known_and_a_changed_one_is_soon(
    kubernetes: Kubernetes, server: Server, settings: Settings
) -> None:
    time = FakeTime()
    known = KnownVariables(kubernetes, settings, time.clock)
    server.put_variables(NOTE="canary-before")
    known.refresh()
    server.put_variables(NOTE="canary-after")
    known.refresh()
    assert redact("canary-before canary-after") == "*** canary-after"
    asked = len(server.requests)
    time.seconds = 10
    known.refresh()
    assert redact("canary-before canary-after") == "*** ***"
    assert len(server.requests) == asked + 1


@pytest.mark.parametrize("status", [0, 503])
def test_log_waits_for_unknown_variables_and_not_for_known(
    kubernetes: Kubernetes, server: Server, settings: Settings, status: int
) -> None:
    time = FakeTime()
    known = KnownVariables(kubernetes, settings, time.clock)
    server.put_variables(NOTE="canary-before")
    server.refusals = [Response(status)] if status else [ConnectionError("away")]
    with pytest.raises(KubernetesError):
        known.refresh()
    known.refresh()
    time.seconds = 10
    server.refusals = [Response(status)] if status else [ConnectionError("away")]
    known.refresh()
    assert redact("canary-before") == "***"


def test_who_may_not_read_the_variables_sees_logs_all_the_same(
    kubernetes: Kubernetes, server: Server, settings: Settings
) -> None:
    server.refusals = [Response(403)]
    KnownVariables(kubernetes, settings, FakeTime().clock).refresh()
    assert len(server.requests) == 1


def elsewhere(folder: Path) -> Settings:
    return settings_of(folder, name="staging", context="team", kubeconfig=folder / "team.yaml")


def test_login_on_a_cluster_that_is_there_may_be_a_variable(
    tmp_path: Path, kubernetes: Kubernetes, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put_login(username="ada", password="lovelace1", email="ada@example.org")  # noqa: S106 - of nothing
    assert find_login(kubernetes, elsewhere(tmp_path)) == Login("ada", "lovelace1")
    monkeypatch.setenv("HARNESS_AIRFLOW_USERNAME", "ci")
    with pytest.raises(UsageError, match="one is set alone"):
        find_login(kubernetes, elsewhere(tmp_path))
    monkeypatch.setenv("HARNESS_AIRFLOW_PASSWORD", "hopper22")
    assert find_login(kubernetes, elsewhere(tmp_path)) == Login("ci", "hopper22")
    monkeypatch.setenv("HARNESS_AIRFLOW_TOKEN", "t0ken")
    assert find_login(kubernetes, elsewhere(tmp_path)).token == "t0ken"  # noqa: S105 - of nothing
    assert find_login(kubernetes, settings_of(tmp_path)) == Login("ada", "lovelace1"), "on kind the Secret alone counts"


def test_login_that_may_not_be_read_says_what_stands_for_it(
    tmp_path: Path, kubernetes: Kubernetes, server: Server
) -> None:
    server.refusals = [Response(403, b"{}", "Forbidden")]
    with pytest.raises(UsageError, match=r"context `team` may not read Secret tools/airflow-ui-creds") as caught:
        find_login(kubernetes, elsewhere(tmp_path))
    assert (
        caught.value.next_step == "set HARNESS_AIRFLOW_USERNAME and HARNESS_AIRFLOW_PASSWORD, or HARNESS_AIRFLOW_TOKEN"
    )
