"""The commands of `docs/how-to/install-with-plain-helm.md`, as they stand there, install the chart and run a DAG."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import AirflowEnv, CommandError, NotYet, wait_until

from .inside import Result, given_values, run

pytestmark = pytest.mark.timeout(600, func_only=True)

NAMESPACE = "e2e-plain-helm"
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OWN_VALUES = re.compile(r"(?<=values.yaml\" <<'EOF'\n).*?(?=^EOF$)", re.MULTILINE | re.DOTALL)
COMPONENTS = ("postgresql", "apiServer", "scheduler", "dagProcessor", "triggerer", "setup", "workers")
# The environment's own Airflow is on the same node: a second one fits beside it when it asks for little.
SMALL = {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "2Gi"}}}


@pytest.fixture
def namespace(airflow_env: AirflowEnv) -> Iterator[str]:
    """Yield the name of a namespace that is not there, and see that it is gone again."""
    assert not airflow_env.kubernetes.get("Namespace", NAMESPACE)
    yield NAMESPACE
    airflow_env.kubernetes.delete("Namespace", NAMESPACE)

    def gone() -> bool | NotYet:
        return NotYet("it is there") if airflow_env.kubernetes.get("Namespace", NAMESPACE) else True

    wait_until("the end of the namespace", gone, timeout_s=120)


def test_commands_of_the_docs_install_airflow_and_run_a_dag(
    airflow_env: AirflowEnv, namespace: str, tmp_path: Path
) -> None:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    document = (airflow_env.settings.project / "docs/how-to/install-with-plain-helm.md").read_text()
    settings, *blocks = SHELL_BLOCK.findall(document)
    given = {"NAMESPACE": namespace, "PORT": str(free_port()), "FOLDER": str(folder)}
    assert re.findall(r"^(\w+)=", settings, re.MULTILINE) == list(given)

    commands = "\n".join(blocks)
    (values,) = OWN_VALUES.findall(commands)
    commands = OWN_VALUES.sub(lambda _: yaml.safe_dump(fitting(yaml.safe_load(values), airflow_env)), commands)
    assert "kubectl delete namespace" in commands
    done = run_script(airflow_env, given, commands, home=tmp_path)

    states = re.findall(r'^{"state": "(\w+)"', done.stdout, re.MULTILINE)
    assert states[-1:] == ["success"], done.stdout
    assert not airflow_env.kubernetes.get("Namespace", namespace)
    assert not folder.exists()
    assert "Warning" not in done.stderr


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def fitting(values: dict[str, Any], env: AirflowEnv) -> dict[str, Any]:
    """Return the values of the docs with this environment's images, and with small requests."""
    images = given_values(env.settings, env.environment.parts.images)["images"]
    return {**values, "images": images, **dict.fromkeys(COMPONENTS, SMALL)}


def run_script(env: AirflowEnv, given: dict[str, str], commands: str, *, home: Path) -> Result:
    """Run commands in one shell whose kubectl and helm are the environment's; a failed one ends it."""
    tools = home / "bin"
    tools.mkdir()
    (tools / "helm").symlink_to(env.environment.parts.helm.binary)
    # kubectl reads files and forwards a port of this host, so it cannot be the one that runs in the node.
    docker, node = env.docker, env.control_plane
    binary = docker.exec(node, "sh", "-c", "readlink -f $(command -v kubectl)").strip()
    docker.call("cp", f"{node}:{binary}", str(tools / "kubectl"))
    variables = {
        **given,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "KUBECONFIG": str(env.settings.kubeconfig),
        **{f"HELM_{name}_HOME": str(home / name) for name in ("CACHE", "CONFIG", "DATA")},
    }
    script = home / "commands.sh"
    # What was started in the background must not outlive a command that fails.
    script.write_text(f"set -o errexit -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{commands}")
    try:
        return run(["bash", str(script)], env=variables, cwd=env.settings.project, timeout_s=500)
    except CommandError as error:
        pytest.fail(str(error))
