"""A session of work leaves no value of a Secret in anything that is shown, stored or passed on."""

import json
import secrets
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import psutil
import pytest
import yaml

from harness import AirflowEnv, PodRecorder, Run, Runs

from .inside import evidence, run

pytestmark = pytest.mark.timeout(420, func_only=True)

SECRETS = {
    "airflow-ui-creds": ("password",),
    "airflow-variables": ("E2E_CANARY",),
    "airflow-postgresql": ("password", "connection"),
    "airflow-internal": ("fernet-key", "jwt-secret", "api-secret-key"),
}
KINDS = (
    "ConfigMap",
    "Deployment",
    "Event",
    "Job",
    "Node",
    "Pod",
    "Service",
    "ServiceAccount",
    "StatefulSet",
)
LOOK_S = 0.2
PLANTED = "e2e-planted"

Texts = Iterator[tuple[str, str]]


def forms_of(value: str) -> set[str]:
    """Return what a value may look like elsewhere."""
    return {value, b64encode(value.encode()).decode(), quote(value, safe=""), json.dumps(value)[1:-1]}


class Scanner:
    """Looks for the values of Secrets, by their names, so that no hit prints one."""

    def __init__(self, canaries: Mapping[str, str]) -> None:
        self._forms = {name: forms_of(value) for name, value in canaries.items()}
        self.hits: set[tuple[str, str]] = set()
        self.looked_at: dict[str, int] = {}

    def look(self, kind: str, where: str, text: str) -> None:
        """Note each canary in `text`, which is of this kind of place."""
        self.looked_at[kind] = self.looked_at.get(kind, 0) + 1
        for name, forms in self._forms.items():
            if any(form in text for form in forms):
                self.hits.add((name, f"{kind}: {where}"))


def put_variable(env: AirflowEnv, data: Mapping[str, str]) -> None:
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": "airflow-variables", "namespace": env.namespace}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
    env.kubernetes.apply(manifest, field_manager="harness-e2e")


@pytest.fixture
def canaries(airflow_env: AirflowEnv) -> Iterator[dict[str, str]]:
    """Yield `secret/key` -> value: what the Secrets hold, all of it random, and a variable of every task."""
    put_variable(airflow_env, {"E2E_CANARY": f"canary-{secrets.token_hex(12)}"})
    found: dict[str, str] = {}
    for name, keys in SECRETS.items():
        secret = airflow_env.kubernetes.get("Secret", name, airflow_env.namespace)
        assert secret, f"there is no Secret {name}"
        found |= {f"{name}/{key}": b64decode(secret["data"][key]).decode() for key in keys}
    yield found
    put_variable(airflow_env, {})


@contextmanager
def processes_watched(scanner: Scanner) -> Iterator[None]:
    """Look at the arguments of all processes of this machine, those of all nodes and pods among them, in the block."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            for process in psutil.process_iter(["cmdline"]):
                scanner.look("argv", str(process.info["cmdline"] or [""])[:20], " ".join(process.info["cmdline"] or []))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def planted(env: AirflowEnv, value: str) -> Iterator[None]:
    """Put a value where none may be: in a ConfigMap, encoded, and in the arguments of a process."""
    data = {"leak": b64encode(value.encode()).decode()}
    metadata = {"name": PLANTED, "namespace": env.namespace}
    env.kubernetes.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", value], stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.communicate()
        env.kubernetes.delete("ConfigMap", PLANTED, env.namespace)


def harness_output(env: AirflowEnv, *words: str, code: int = 0) -> str:
    binary = Path(sys.executable).with_name("harness")
    argv = [str(binary), "--name", env.settings.name, *words]
    result = run(argv, cwd=env.settings.project, timeout_s=180, check=False)
    assert result.returncode == code, f"{words}: exit code {result.returncode}"
    return result.stdout + result.stderr


def outputs(env: AirflowEnv) -> Texts:
    harness_output(env, "status")  # the first one may show the password, which is said in SECURITY.md
    for words in (
        ("up",),
        ("status",),
        ("status", "--json"),
        ("dags", "sync"),
        ("dags", "run", "variables"),
        ("dags", "run", "e2e_always_raises"),
        ("logs",),
        ("kubectl", "--", "describe", "all", "--namespace", env.namespace),
    ):
        yield " ".join(words), harness_output(env, *words, code=int("e2e_always_raises" in words))


def files_below(folder: Path) -> Texts:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes().decode("utf-8", "replace")


def objects(env: AirflowEnv) -> Texts:
    for kind in KINDS:
        for item in env.kubernetes.list(kind, "" if kind == "Node" else env.namespace):
            yield f"{kind}/{item['metadata']['name']}", json.dumps(item, ensure_ascii=False)


def pod_logs(env: AirflowEnv) -> Texts:
    for pod in env.kubernetes.list("Pod", env.namespace):
        name = pod["metadata"]["name"]
        for container in (*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]):
            text = env.kubernetes.pod_log(name, env.namespace, container=container["name"])
            yield f"{name}/{container['name']}", text


def task_logs(env: AirflowEnv, observed: Run, recorder: PodRecorder) -> Texts:
    for one in observed.tries:
        yield one.label, env.airflow.logs(observed.dag_id, observed.run_id, one.task_id, one.try_number)
    for pod in observed.pods:
        log = recorder.log(pod.uid)
        yield pod.name, log.text if log else ""


def helm_release(env: AirflowEnv) -> Texts:
    helm, settings = env.environment.parts.helm, env.settings

    def get(what: str, *more: str) -> str:
        argv = [str(helm.binary), "get", what, settings.release, "--namespace", settings.namespace, *more]
        return run(argv, env={"KUBECONFIG": str(settings.kubeconfig)}, timeout_s=60).stdout

    yield "values", get("values", "--all")
    yield "notes", get("notes")
    # The generated Secrets are part of the manifest, which Helm keeps in a Secret itself.
    rest = [one for one in yaml.safe_load_all(get("manifest")) if one and one["kind"] != "Secret"]
    assert rest
    yield "manifest", yaml.safe_dump_all(rest, width=10**6)


def login_of(env: AirflowEnv, canaries: Mapping[str, str]) -> dict[str, str]:
    secret = env.kubernetes.get("Secret", "airflow-ui-creds", env.namespace)
    assert secret
    return {
        "username": b64decode(secret["data"]["username"]).decode(),
        "password": canaries["airflow-ui-creds/password"],
    }


def rest_answers(env: AirflowEnv, observed: Run, canaries: Mapping[str, str]) -> Texts:
    login = login_of(env, canaries)
    run_path = f"/dags/{observed.dag_id}/dagRuns/{quote(observed.run_id, safe='')}"
    with httpx2.Client(base_url=env.settings.url, trust_env=False, timeout=30) as client:
        token = client.post("/auth/token", json=login).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        for path in (
            "/variables",
            "/connections",
            "/config",
            "/eventLogs?limit=100",
            f"/dagSources/{observed.dag_id}",
            run_path,
            f"{run_path}/taskInstances",  # with their rendered fields
            f"{run_path}/taskInstances/victim/tries",
        ):
            answer = client.get(f"/api/v2{path}", headers=headers)
            assert answer.is_success or path == "/config", f"{path}: {answer.status_code}"  # refused by default
            yield path, answer.text


def node_journal(env: AirflowEnv) -> Texts:
    docker = env.docker
    node = env.control_plane
    yield node, docker.exec(node, "journalctl", "--no-pager", "--since", "-10min", timeout_s=120)


def test_no_value_of_a_secret_is_found_anywhere(
    *,
    airflow_env: AirflowEnv,
    runs: Runs,
    recorder: PodRecorder,
    canaries: dict[str, str],
    interim_report: Callable[[], Path],
    tmp_path: Path,
    record_property: Any,
) -> None:
    env, plant = airflow_env, f"planted-{secrets.token_hex(12)}"
    scanner = Scanner({**canaries, PLANTED: plant})

    def look(kind: str, texts: Texts) -> None:
        for where, text in texts:
            scanner.look(kind, where, text)

    with planted(env, plant), processes_watched(scanner):
        failing = runs.run("e2e_always_raises", timeout_s=180)
        assert failing.state == "failed"
        look("output", outputs(env))
        folder = evidence.collect(
            env.kubernetes,
            env.airflow,
            tmp_path / "evidence",
            namespace=env.namespace,
            runs=[failing],
            recorder=recorder,
        )
        look("evidence", files_below(folder))
        look("report", files_below(interim_report().parent))
        look("object", objects(env))
        look("pod log", pod_logs(env))
        look("task log", task_logs(env, failing, recorder))
        look("helm", helm_release(env))
        look("REST", rest_answers(env, failing, canaries))
        look("journal", node_journal(env))

    record_property("texts looked at", json.dumps(scanner.looked_at))
    found = {where.split(": ")[0] for name, where in scanner.hits if name == PLANTED}
    assert found == {"argv", "object"}, "the scanner does not find what was planted"
    assert {hit for hit in scanner.hits if hit[0] != PLANTED} == set()
