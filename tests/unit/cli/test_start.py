"""What a command loads before it works: libraries that it does not need cost each call of it tens of milliseconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..samples import make_executable
from ..tools.test_k8s import write_kubeconfig

# Runs one command to its end, whatever that is, and prints which of these libraries it loaded.
LOADED = """
import contextlib, io, json, sys
from harness.cli import main
sys.argv = ["harness", *sys.argv[1:]]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main()
heavy = {"kubernetes", "urllib3", "httpx2", "yaml", "psutil", "watchfiles", "jinja2", "rich.progress", "rich.live"}
print(json.dumps(sorted(heavy & sys.modules.keys())))
"""
# One environment with one node; any program that is run there says nothing.
DOCKER = """#!/bin/sh
case "$*" in
  --version) echo 'Docker version 29.0.0, build x';;
  "info "*) echo '{"ServerVersion": "29"}';;
  ps*) printf 'harness-dev-control-plane\\trunning\\n';;
esac
"""


def loaded_by(folder: Path, *words: str) -> set[str]:
    make_executable(folder / "bin" / "docker").write_text(DOCKER)
    env = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, *words], env=env, cwd=folder, check=False, capture_output=True, text=True
    )
    assert "no environment" not in ran.stderr
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.processes
@pytest.mark.parametrize("words", ["--help", "dags --help", "kubectl -- get pods", "airflow -- dags list"])
def test_what_asks_no_api_loads_no_client(project: Path, words: str) -> None:
    assert loaded_by(project, *words.split()) == set()


@pytest.mark.processes
def test_what_asks_kubernetes_loads_no_other_client(project: Path) -> None:
    user = {"client-certificate-data": "", "client-key-data": ""}
    kubeconfig = project / "state" / "envs" / "dev" / "kubeconfig"
    kubeconfig.parent.mkdir(parents=True)
    write_kubeconfig(kubeconfig, "https://127.0.0.1:1", user)
    assert loaded_by(project, "logs") == {"urllib3", "yaml"}
