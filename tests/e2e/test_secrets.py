"""The Secrets that a person makes: refused when they are broken, and in force when they change."""

import sys
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness import AirflowEnv, NotYet, Runs, wait_until

from .inside import Result, run
from .logins import IN_FORCE_S, can_log_in, put_secret, wait_for_login

pytestmark = pytest.mark.timeout(240, func_only=True)

BROKEN = "e2e-secrets"
ODD = """p$HOME ${HOME} $(id) "double" 'single' \\n %s %(a)s {{ x }} ü漢🙂"""
REFUSED_S = 5
HIDDEN = "never-shown-3f1c"
LOGIN = {"username": HIDDEN, "password": HIDDEN, "email": f"{HIDDEN}@example.org"}
Given = dict[str, str] | None
CASES: dict[str, tuple[Given, Given, str, str]] = {
    "no login": (None, {}, "airflow-ui-creds", ""),
    "no variables": (LOGIN, None, "airflow-variables", ""),
    "a key is missing": ({"username": HIDDEN, "password": HIDDEN}, {}, "airflow-ui-creds", "email"),
    "a value is empty": ({**LOGIN, "password": ""}, {}, "airflow-ui-creds", "password"),
    "a value is malformed": ({**LOGIN, "email": HIDDEN}, {}, "airflow-ui-creds", "email"),
    "a variable is empty": (LOGIN, {"GREETING": "", "OTHER": HIDDEN}, "airflow-variables", "GREETING"),
    "a variable has no name": (LOGIN, {"a-b": HIDDEN}, "airflow-variables", "a-b"),
}


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def broken(airflow_env: AirflowEnv, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Yield Secret and key that are broken, in a namespace of their own."""
    login, variables, secret, key = request.param
    airflow_env.kubernetes.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": BROKEN}})
    given = {"airflow-ui-creds": login, "airflow-variables": variables}
    for name, data in given.items():
        if data is not None:
            put_secret(airflow_env, name, data, namespace=BROKEN)
    yield secret, key
    for name in given:
        airflow_env.kubernetes.delete("Secret", name, BROKEN)


@pytest.fixture(scope="module", autouse=True)
def namespace_goes(airflow_env: AirflowEnv) -> Iterator[None]:
    yield
    airflow_env.kubernetes.delete("Namespace", BROKEN)


def check_refusal(result: Result, env: AirflowEnv, broken: tuple[str, str], seconds: float) -> None:
    secret, key = broken
    said = result.stdout + result.stderr
    assert BROKEN in said
    assert secret in said
    assert key in said
    assert HIDDEN not in said
    assert seconds < REFUSED_S
    assert not env.kubernetes.list("Deployment", BROKEN)


def test_up_refuses_broken_secrets_at_once(airflow_env: AirflowEnv, broken: tuple[str, str]) -> None:
    harness = Path(sys.executable).with_name("harness")
    env = {"HARNESS_NAMESPACE": BROKEN, "HARNESS_MAKE_SECRETS": "false"}
    started = time.monotonic()
    words = [str(harness), "--name", airflow_env.settings.name, "up"]
    result = run(words, env=env, cwd=airflow_env.settings.project, timeout_s=120, check=False)
    check_refusal(result, airflow_env, broken, time.monotonic() - started)
    assert result.returncode == 2


def test_chart_refuses_broken_secrets_at_once(airflow_env: AirflowEnv, broken: tuple[str, str]) -> None:
    helm, settings = airflow_env.environment.parts.helm, airflow_env.settings
    wait_until(
        "the namespace's account",
        lambda: airflow_env.kubernetes.get("ServiceAccount", "default", BROKEN) or NotYet("not made yet"),
        timeout_s=30,
    )
    started = time.monotonic()
    result = run(
        [str(helm.binary), "upgrade", "e2e", str(settings.chart_folder), "--install", "--namespace", BROKEN],
        env={"KUBECONFIG": str(settings.kubeconfig), "HELM_CACHE_HOME": str(helm.home / "cache")},
        timeout_s=60,
        check=False,
    )
    check_refusal(result, airflow_env, broken, time.monotonic() - started)
    assert result.returncode != 0


@pytest.fixture
def login(airflow_env: AirflowEnv) -> Iterator[dict[str, str]]:
    """Yield the login that is in force; afterwards it is again."""
    secret = airflow_env.kubernetes.get("Secret", "airflow-ui-creds", airflow_env.namespace)
    assert secret
    before = decoded(secret["data"])
    yield before
    put_secret(airflow_env, "airflow-ui-creds", before)
    wait_for_login(airflow_env, before["username"], before["password"])


def decoded(data: Mapping[str, str]) -> dict[str, str]:
    return {key: b64decode(value).decode() for key, value in data.items()}


def test_changed_password_replaces_the_old_within_a_minute(
    airflow_env: AirflowEnv, login: dict[str, str], record_property: Any
) -> None:
    pods = server_pods(airflow_env)
    username, old = login["username"], login["password"]
    assert can_log_in(airflow_env, username, old)
    started = time.monotonic()
    put_secret(airflow_env, "airflow-ui-creds", {**login, "password": ODD})
    wait_for_login(airflow_env, username, ODD)
    record_property("seconds until in force", round(time.monotonic() - started, 1))
    assert not can_log_in(airflow_env, username, old)
    assert server_pods(airflow_env) == pods


def server_pods(env: AirflowEnv) -> dict[str, int]:
    """Return the UIDs of the API servers' pods with the restarts of their containers."""
    selector = "app.kubernetes.io/component=api-server"
    return {
        pod["metadata"]["uid"]: sum(
            one["restartCount"]
            for kind in ("containerStatuses", "initContainerStatuses")
            for one in pod["status"].get(kind, [])
        )
        for pod in env.kubernetes.list("Pod", env.namespace, label_selector=selector)
    }


def test_broken_edit_of_the_login_leaves_the_old_one_in_force(airflow_env: AirflowEnv, login: dict[str, str]) -> None:
    put_secret(airflow_env, "airflow-ui-creds", {"username": login["username"], "email": login["email"]})
    (pod,) = airflow_env.kubernetes.list(
        "Pod", airflow_env.namespace, label_selector="app.kubernetes.io/component=api-server"
    )
    name = pod["metadata"]["name"]

    def said() -> bool | NotYet:
        log = airflow_env.kubernetes.pod_log(name, airflow_env.namespace, container="keep-admin", tail_lines=1)
        return "the Secret has no key password" in log or NotYet("the sidecar says nothing of it")

    wait_until("what the sidecar says", said, timeout_s=IN_FORCE_S)
    assert can_log_in(airflow_env, login["username"], login["password"])


def test_next_task_sees_a_changed_variable(airflow_env: AirflowEnv, runs: Runs) -> None:
    seen = []
    try:
        for value in ("first", f"second\nline {ODD}\n"):
            put_secret(airflow_env, "airflow-variables", {"E2E_SPECIAL": value})
            run_ = runs.run("e2e_inspect", timeout_s=120)
            run_.check({"inspect": 1})
            seen.append(airflow_env.airflow.xcom(run_.dag_id, run_.run_id, "inspect")["special"])
    finally:
        put_secret(airflow_env, "airflow-variables", {})
    assert seen == ["first", f"second\nline {ODD}\n"]


def test_generated_keys_survive_an_upgrade(airflow_env: AirflowEnv) -> None:
    def keys() -> list[Any]:
        secrets = [
            airflow_env.kubernetes.get("Secret", name, airflow_env.namespace)
            for name in ("airflow-internal", "airflow-postgresql")
        ]
        return [secret and secret["data"] for secret in secrets]

    helm, settings = airflow_env.environment.parts.helm, airflow_env.settings
    before, revision = keys(), helm.status(settings.release, namespace=settings.namespace)
    airflow_env.environment.parts.release.install()
    after = helm.status(settings.release, namespace=settings.namespace)
    assert revision
    assert after
    assert after.revision == revision.revision + 1
    assert all(before)
    assert keys() == before
