"""What the setup makes of the administrator, against a user of FAB's that is an object."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest

from .render import CHART

OLD = "hash of old"
FAB = "airflow.providers.fab.auth_manager.cli_commands.utils"


class FakeSecurity:
    """FAB's security manager with one user."""

    def __init__(self, user: SimpleNamespace) -> None:
        """Take the user."""
        self.user = user

    def find_role(self, name: str) -> str:
        return name

    def find_user(self, username: str) -> SimpleNamespace | None:
        return self.user if self.user.username == username else None

    def update_user(self, user: SimpleNamespace) -> bool:
        return user is self.user

    def reset_password(self, _id: int, password: str) -> bool:
        self.user.password = f"hash of {password}"
        return True


@pytest.fixture
def setup_admin(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Return the script; what it imports of the image is not in these tests' environment."""
    names = [FAB.rsplit(".", count)[0] for count in (3, 2, 1)]
    for name in (*names, FAB, "psycopg2", "werkzeug", "werkzeug.security"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules[FAB], "get_application_builder", None, raising=False)
    security = sys.modules["werkzeug.security"]
    monkeypatch.setattr(security, "check_password_hash", lambda kept, given: kept == f"hash of {given}", raising=False)
    monkeypatch.syspath_prepend(CHART / "files")
    for key, value in {"USERNAME": "admin", "PASSWORD": "new", "EMAIL": "a@example.com"}.items():
        monkeypatch.setenv(f"ADMIN_{key}", value)
    yield importlib.import_module("setup_admin")
    for name in ("setup_admin", "leave_mark", "wait_for_database"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("active", [True, False])
def test_account_that_is_disabled_stays_disabled(setup_admin: ModuleType, *, active: bool) -> None:
    user = SimpleNamespace(id=1, username="admin", email="x", active=active, roles=[], password=OLD)
    said = setup_admin.ensure_admin(FakeSecurity(user))
    assert said == "set the password of the administrator admin"
    assert user.active is active
    assert (user.email, user.roles) == ("a@example.com", ["Admin"])
