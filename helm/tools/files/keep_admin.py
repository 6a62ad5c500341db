"""Bring the login of the mounted Secret into Airflow's database whenever it changes.

Usage: keep_admin.py FOLDER

It runs as long as its pod, so it asks the database without importing Airflow, and starts Airflow for a write alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
from wait_for_database import connect
from werkzeug.security import check_password_hash

KEYS = ("username", "password", "email")
PAUSE_S = 2
RETRY_S = 10
WRITE_S = 120
FIND_USER = "SELECT password, email FROM ab_user WHERE username = %s"


def read_login(folder: Path) -> dict[str, str]:
    """Return the login; raises ValueError that names a key, never a value."""
    login = {}
    for key in KEYS:
        try:
            content = (folder / key).read_bytes()
        except FileNotFoundError:
            raise ValueError(f"the Secret has no key {key}") from None
        try:
            login[key] = content.decode()
        except UnicodeDecodeError:
            raise ValueError(f"the key {key} is not UTF-8") from None
        if not login[key].strip():
            raise ValueError(f"the key {key} is empty")
    return login


def is_in_force(login: dict[str, str]) -> bool:
    """Tell whether the database has this login."""
    database = connect()
    try:
        with database.cursor() as cursor:
            cursor.execute(FIND_USER, (login["username"],))
            row = cursor.fetchone()
    finally:
        database.close()
    return row is not None and row[1] == login["email"] and check_password_hash(row[0], login["password"])


def write(login: dict[str, str]) -> None:
    """Write the login by the script of the setup Job; it says what it did."""
    given = {f"ADMIN_{key.upper()}": value for key, value in login.items()}
    script = Path(__file__).with_name("setup_admin.py")
    subprocess.run([sys.executable, script], env={**os.environ, **given}, check=True, timeout=WRITE_S)


def main() -> None:
    """Look at the files for ever; what cannot be done now is said once and tried again."""
    folder = Path(sys.argv[1])
    done: dict[str, str] | None = None
    said = ""
    while True:
        pause_s = PAUSE_S
        try:
            login = read_login(folder)
            if login != done:
                if not is_in_force(login):
                    write(login)
                done = login
            said = ""
        except (OSError, ValueError, psycopg2.Error, subprocess.SubprocessError) as error:
            # psycopg2 tells no password; the others name a file, a key or a script.
            reason, pause_s = str(error).strip(), RETRY_S
            if reason != said:
                print(f"The login of the Secret is not in force: {reason}", flush=True)
                said = reason
        time.sleep(pause_s)


if __name__ == "__main__":
    main()
