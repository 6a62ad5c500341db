"""Make the UI's administrator what the Secret says, then mark the database as set up.

Usage: setup_admin.py [MARK], with ADMIN_USERNAME, ADMIN_PASSWORD and ADMIN_EMAIL in the environment: a password among
the arguments would be in the pod's spec.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.utils.providers_configuration_loader import providers_configuration_loaded
from leave_mark import leave_mark
from werkzeug.security import check_password_hash

if TYPE_CHECKING:
    from airflow.providers.fab.www.extensions.init_appbuilder import AirflowAppBuilder


def setting(name: str) -> str:
    """Return ADMIN_<name>; an empty one is a mistake in the Secret."""
    value = os.environ[f"ADMIN_{name}"]
    if not value.strip():
        raise SystemExit(f"The key {name.lower()} of the Secret with the UI's credentials is empty.")
    return value


def ensure_permissions(appbuilder: AirflowAppBuilder) -> None:
    """Write FAB's permissions now: several API servers that find them missing race to write the same rows."""
    appbuilder.add_permissions(update_perms=True)
    appbuilder.sm.sync_roles()


def ensure_admin(security: Any) -> str:
    """Create the administrator or bring it up to date; return what was done."""
    username, password, email = setting("USERNAME"), setting("PASSWORD"), setting("EMAIL")
    role = security.find_role("Admin")
    user = security.find_user(username=username)
    if user is None:
        if not security.add_user(username, username, "", email, role, password):
            raise SystemExit(f"The administrator {username} could not be created; does another user have {email}?")
        return f"created the administrator {username}"
    # Whether the account is active stays: an organization may have disabled it on purpose.
    user.email = email
    if role not in user.roles:
        user.roles = [*user.roles, role]
    if not security.update_user(user):
        raise SystemExit(f"The administrator {username} could not be updated; does another user have {email}?")
    # Setting a password, even the same, would log the administrator out at every upgrade.
    if check_password_hash(user.password, password):
        return f"the administrator {username} is up to date"
    if not security.reset_password(user.id, password):
        raise SystemExit(f"The password of the administrator {username} could not be set.")
    return f"set the password of the administrator {username}"


@providers_configuration_loaded
def main() -> None:
    """Set up the administrator; the mark comes last, so that it is never there too early."""
    marks = sys.argv[1:]
    with get_application_builder() as appbuilder:
        if marks:
            ensure_permissions(appbuilder)
        print(ensure_admin(appbuilder.sm), flush=True)
    for mark in marks:
        leave_mark(mark)


if __name__ == "__main__":
    main()
