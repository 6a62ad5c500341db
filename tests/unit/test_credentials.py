"""The two Secrets: made once, read from the cluster, never changed, never shown twice."""

from base64 import b64encode
from pathlib import Path

import pytest

from harness.credentials import credentials_file, ensure_secrets, password_to_show, read_credentials
from harness.errors import UsageError
from harness.redact import redact
from harness.settings import Settings
from harness.tools.k8s import Json, Kubernetes

from .fakes.kubernetes import FakeApiServer
from .samples import settings_of


class Server(FakeApiServer):
    """Keeps Secrets as Kubernetes does: `stringData` becomes `data`."""

    def put(self, plural: str, item: Json) -> Json:
        if "stringData" in item:
            data = {key: b64encode(value.encode()).decode() for key, value in item.pop("stringData").items()}
            item["data"] = {**item.get("data", {}), **data}
        return super().put(plural, item)

    def put_login(self, **keys: str) -> None:
        self.put("secrets", {"metadata": {"name": "airflow-ui-creds", "namespace": "tools"}, "stringData": keys})


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


@pytest.mark.parametrize("given", [{"username": "a"}, {"username": "a", "password": "", "email": ""}])
def test_missing_key_names_secret_and_key_and_no_value(
    kubernetes: Kubernetes, server: Server, settings: Settings, given: dict[str, str]
) -> None:
    server.put_login(**{**given, "username": "hidden-value"})
    with pytest.raises(UsageError, match="Secret tools/airflow-ui-creds has no key password, email") as caught:
        ensure_secrets(kubernetes, settings)
    assert "delete secret airflow-ui-creds" in caught.value.next_step
    assert "hidden-value" not in f"{caught.value}{caught.value.next_step}"


def test_missing_secret_says_who_makes_it(kubernetes: Kubernetes, settings: Settings) -> None:
    with pytest.raises(UsageError, match="Secret tools/airflow-ui-creds is not there") as caught:
        read_credentials(kubernetes, settings)
    assert caught.value.next_step == "harness --name dev up"


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
