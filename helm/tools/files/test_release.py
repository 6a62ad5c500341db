"""Exit 0 if Airflow calls its components healthy, and the administrator of the Secret can log in and read DAGs.

Usage: test_release.py URL COMPONENT..., with ADMIN_USERNAME and ADMIN_PASSWORD in the environment; without them nobody
logs in.

Standard library only, and by the API server's Service, as a client comes.
"""

from __future__ import annotations

import json
import os
import sys
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

TIMEOUT_S = 30


def ask(path: str, body: dict[str, str] | None = None, token: str = "") -> tuple[int, Any]:
    """Return status and JSON of a GET, or of a POST when there is a body."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body else None
    request = Request(f"{sys.argv[1]}{path}", data=data, headers=headers)  # noqa: S310 - the URL is ours
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, None


def check_health(components: list[str]) -> None:
    """End unless Airflow calls these healthy; the status of the answer is 200 whatever they are."""
    _, health = ask("/api/v2/monitor/health")
    problems = [f"{name}: {health[name]['status']}" for name in components if health[name]["status"] != "healthy"]
    if problems:
        raise SystemExit(f"Not healthy: {', '.join(problems)}.")
    print(f"healthy: {', '.join(components)}", flush=True)


def check_refusal() -> None:
    """End unless the API refuses who is not logged in."""
    status, _ = ask("/api/v2/dags?limit=1")
    if status != HTTPStatus.UNAUTHORIZED:
        raise SystemExit(f"Without a login the list of DAGs is answered with {status}, not 401.")


def check_login() -> None:
    """End unless the API serves the administrator."""
    credentials = {"username": os.environ["ADMIN_USERNAME"], "password": os.environ["ADMIN_PASSWORD"]}
    status, answer = ask("/auth/token", credentials)
    if status != HTTPStatus.CREATED:
        raise SystemExit(f"The administrator's login is answered with {status}, not 201.")
    status, answer = ask("/api/v2/dags?limit=1", token=answer["access_token"])
    if status != HTTPStatus.OK:
        raise SystemExit(f"The administrator's list of DAGs is answered with {status}, not 200.")
    print(f"the administrator can log in and sees {answer['total_entries']} DAGs", flush=True)


if __name__ == "__main__":
    check_health(sys.argv[2:])
    check_refusal()
    if "ADMIN_USERNAME" in os.environ:
        check_login()
