"""What the namespace refuses, and what each part of Airflow may do in it."""

import json
from typing import Any

import pytest

from harness import AirflowEnv, KubernetesError, NotYet, Runs, wait_until

from .inside import Result, run

pytestmark = pytest.mark.timeout(120, func_only=True)

COMPONENTS = ("api-server", "dag-processor", "postgresql", "scheduler", "setup", "triggerer", "worker")
SERVERS = {
    "api-server": "/opt/airflow",
    "dag-processor": "/opt/airflow",
    "postgresql": "/var/lib/postgresql",
    "scheduler": "/opt/airflow",
    "triggerer": "/opt/airflow",
}
WHAT_THE_EXECUTOR_DOES = {("", "pods", verb) for verb in ("create", "delete", "list", "patch", "watch")}
READS_VERSIONS = {("", "configmaps", "get")}
PUBLISHES_DAGS = {
    *(("", "configmaps", verb) for verb in ("create", "delete", "get", "list", "patch")),
    *(("", "pods", verb) for verb in ("list", "patch")),
    *(("", "pods/portforward", verb) for verb in ("create", "get")),
}
# What Kubernetes lets every account do: to ask about itself, and to read the cluster's trust bundles, which are public.
OF_EVERYBODY = {"authorization.k8s.io", "authentication.k8s.io", "certificates.k8s.io"}


def kubectl(env: AirflowEnv, *words: str, stdin: str = "", check: bool = True) -> Result:
    """Run the cluster's own kubectl in Airflow's namespace."""
    binary = str(env.settings.folder / "kubectl")
    return run([binary, "--namespace", env.namespace, *words], stdin=stdin, check=check, timeout_s=60)


def pods_of(env: AirflowEnv, component: str) -> list[dict[str, Any]]:
    return env.kubernetes.list("Pod", env.namespace, label_selector=f"app.kubernetes.io/component={component}")


def privileged_pod(namespace: str) -> dict[str, Any]:
    container = {"name": "main", "image": "none", "securityContext": {"privileged": True}}
    metadata = {"name": "e2e-privileged", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def test_namespace_refuses_a_privileged_pod(airflow_env: AirflowEnv) -> None:
    try:
        with pytest.raises(KubernetesError, match=r'violates PodSecurity "restricted:latest": privileged') as caught:
            airflow_env.kubernetes.apply(privileged_pod(airflow_env.namespace))
        assert caught.value.status == 403
    finally:
        airflow_env.kubernetes.delete("Pod", "e2e-privileged", airflow_env.namespace)


def test_no_workload_of_the_release_is_warned_of(airflow_env: AirflowEnv) -> None:
    bad = kubectl(airflow_env, "create", "deployment", "e2e-bad", "--image=none", "--dry-run=server")
    assert "would violate PodSecurity" in bad.stderr
    kinds = "deployments,statefulsets,jobs,cronjobs"
    ours = kubectl(airflow_env, "annotate", kinds, "--all", "e2e=looked-at", "--dry-run=server")
    assert "deployment.apps/airflow-scheduler annotated" in ours.stdout
    assert "Warning" not in ours.stderr


@pytest.mark.parametrize("component", SERVERS)
def test_root_filesystem_of_a_component_is_read_only(airflow_env: AirflowEnv, component: str) -> None:
    for pod in pods_of(airflow_env, component):
        words = ["exec", pod["metadata"]["name"], "--container", component, "--"]
        assert kubectl(airflow_env, *words, "ls", SERVERS[component]).returncode == 0
        refused = kubectl(airflow_env, *words, "touch", f"{SERVERS[component]}/e2e", check=False)
        assert "Read-only file system" in refused.stderr


def test_only_scheduler_and_reader_of_versions_hold_a_token(airflow_env: AirflowEnv) -> None:
    holders = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]
        for pod in airflow_env.kubernetes.list("Pod", airflow_env.namespace)
        for volume in pod["spec"].get("volumes", [])
        for source in volume.get("projected", {}).get("sources", [])
        if "serviceAccountToken" in source
    }
    assert holders == {"scheduler", "dag-processor"}


def rules_of(env: AirflowEnv, account: str) -> set[tuple[str, str, str]]:
    """Return what the API server lets an account do in the namespace: API group, resource and verb."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": env.namespace},
    }
    answer = kubectl(
        env,
        *("create", "--raw", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "--filename", "-"),
        f"--as=system:serviceaccount:{env.namespace}:{account}",
        stdin=json.dumps(review),
    )
    status = json.loads(answer.stdout)["status"]
    assert not status["incomplete"]
    return {
        (group, resource, verb)
        for rule in status["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if group not in OF_EVERYBODY
    }


def test_publisher_may_deliver_dags_and_no_more(airflow_env: AirflowEnv) -> None:
    assert rules_of(airflow_env, "airflow-dags-publisher") == PUBLISHES_DAGS


def test_scheduler_may_do_what_the_executor_does_and_no_more(airflow_env: AirflowEnv) -> None:
    assert rules_of(airflow_env, "airflow-scheduler") == WHAT_THE_EXECUTOR_DOES | READS_VERSIONS


def test_dag_processor_may_read_config_maps_and_no_more(airflow_env: AirflowEnv) -> None:
    assert rules_of(airflow_env, "airflow-dag-processor") == READS_VERSIONS


def test_no_other_account_may_do_anything(airflow_env: AirflowEnv) -> None:
    accounts = {one["metadata"]["name"] for one in airflow_env.kubernetes.list("ServiceAccount", airflow_env.namespace)}
    assert {f"airflow-{name}" for name in COMPONENTS if name != "postgresql"} <= accounts
    others = accounts - {"airflow-scheduler", "airflow-dag-processor", "airflow-dags-publisher"}
    assert {name: rules_of(airflow_env, name) for name in others} == {name: set() for name in others}


def test_log_of_a_running_task_is_shown_without_a_token(airflow_env: AirflowEnv, runs: Runs) -> None:
    run = runs.start("e2e_bystander", {"seconds": 20})
    run.wait_until_running("wait")

    def shown() -> bool | NotYet:  # a task runs before its code does: it reads its DAG file first
        log = airflow_env.airflow.logs(run.dag_id, run.run_id, "wait", 1)
        return "waiting for 20 s" in log or NotYet(f"the log: {log[-200:]}")

    wait_until("the line of the running task", shown, timeout_s=15)
    assert run.state == "running"
    run.wait(timeout_s=90)
    assert run.state == "success", run.timeline
