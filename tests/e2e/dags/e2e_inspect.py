"""A task that reports what it finds in its pod.

In its conf, `resolve` lists host names to look up, and `write` folders to make a file in.

The report is text, since a name that is not there must not fail the task.
"""

import errno
import os
import socket
from pathlib import Path
from typing import Any

from airflow.sdk import dag, get_current_context, task

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def addresses_of(host: str) -> list[str]:
    try:
        return sorted({str(info[4][0]) for info in socket.getaddrinfo(host, None)})
    except OSError as error:
        return [f"error: {error}"]


def write_into(folder: str) -> str:
    file = Path(folder, "e2e-inspect")
    try:
        file.touch()
        file.unlink()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "written"


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_inspect() -> None:
    @task
    def inspect() -> dict[str, Any]:
        # The container's first process: Airflow changes the environment of the task's own.
        block = Path("/proc/1/environ").read_bytes().decode()
        environment = dict(entry.split("=", 1) for entry in block.split("\0") if "=" in entry)
        conf = get_current_context()["dag_run"].conf
        return {
            "environment": sorted(environment),
            "database_urls": sorted(name for name, value in environment.items() if value.startswith("postgresql")),
            "service_account_files": sorted(map(str, SERVICE_ACCOUNT.glob("*"))),
            "special": os.environ.get("E2E_SPECIAL"),
            "addresses": {host: addresses_of(host) for host in conf.get("resolve", [])},
            "uid": os.getuid(),
            "confinement": dict(line.split(":\t") for line in Path("/proc/1/status").read_text().splitlines()),
            "written": {folder: write_into(folder) for folder in conf.get("write", [])},
        }

    inspect()


e2e_inspect()
