"""How `status` looks: the table of an environment's parts, and how to log in."""

from collections.abc import Sequence
from typing import Any

from harness.advice import find_command
from harness.cli.output import out, print_json, print_table, say
from harness.credentials import credentials_file, password_to_show, read_credentials
from harness.environment import Environment
from harness.errors import put_in_words
from harness.nodes import RESTING
from harness.status import Row

COLUMNS = ("PART", "STATE", "DETAIL")


def print_status(environment: Environment, rows: Sequence[Row], *, as_json: bool) -> None:
    """Print one row for each part; for people also the URL and how to log in."""
    told = [_tell(row, find_command(environment.settings.name)) for row in rows]
    if as_json:
        print_json(told)
        return
    print_table(COLUMNS, [(row["part"], row["state"], row["detail"]) for row in told])
    if not any(row.state in RESTING for row in rows):
        _print_login(environment)


def _tell(row: Row, command: str) -> dict[str, Any]:
    detail = "; ".join(filter(None, (row.detail, put_in_words(row.advice, command))))
    return {"part": row.part, "state": row.state, "detail": detail, "is_good": row.is_good}


def _print_login(environment: Environment) -> None:
    settings = environment.settings
    if settings.is_elsewhere:
        say(out, f"\nURL: {settings.url or 'none; the harness reaches Airflow by a port-forward'}")
        return
    user = read_credentials(environment.parts.kubernetes, settings).username
    password = password_to_show(settings)  # last, for it is given out once
    say(out, f"\nURL: {settings.url}    user: {user}")
    if password:
        # Past redact() on purpose: this is the one place where a person is told the password.
        out.print(f"password (shown once): {password}", soft_wrap=True)
    say(out, f"kept in {credentials_file(settings)}")
