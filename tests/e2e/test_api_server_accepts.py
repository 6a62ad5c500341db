"""The API server accepts every object of each overlay without a warning, in a namespace that is `restricted`."""

from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

import pytest
import yaml

from harness import AirflowEnv, NotYet, wait_until

from .inside import Result, pod_security, run

pytestmark = pytest.mark.timeout(60, func_only=True)

# Of its own: what is there already is changed, not made, and much of a workload cannot be changed.
NAMESPACE = "e2e-accepted"
OVERLAYS: dict[str, tuple[str, ...]] = {
    "default": (),
    "kind": ("kind",),
    "production": ("production",),
    "production and ha": ("production", "ha"),
}
# The environment's own Service holds the port of the kind overlay.
VALUES = {"apiServer": {"service": {"nodePort": None}}}
BROKEN: dict[str, tuple[str, object, str]] = {
    "a field that nobody knows": ("spec.replica", 2, 'unknown field "spec.replica"'),
    "a value that cannot be": ("spec.replicas", -1, "must be greater than or equal to 0"),
    "a pod that is not restricted": ("spec.template.spec.hostNetwork", True, "host namespaces (hostNetwork=true)"),
}


@pytest.fixture(scope="module", autouse=True)
def namespace(airflow_env: AirflowEnv) -> Iterator[None]:
    metadata = {"name": NAMESPACE, "labels": pod_security(airflow_env.settings)}
    airflow_env.kubernetes.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def has_account() -> bool | NotYet:
        found = airflow_env.kubernetes.get("ServiceAccount", "default", NAMESPACE)
        return True if found else NotYet("no account `default`")

    wait_until("the account of pods", has_account, timeout_s=30)
    yield
    airflow_env.kubernetes.delete("Namespace", NAMESPACE)


def rendered(env: AirflowEnv, *overlays: str) -> list[dict[str, Any]]:
    """Return the objects of a chart, and the pods that the executor would make of its templates."""
    files = [env.settings.project / "helm/values" / f"{name}.yaml" for name in overlays]
    text = env.environment.parts.helm.template(
        "airflow", env.settings.chart_folder, namespace=NAMESPACE, values_files=files, values=VALUES
    )
    objects = [one for one in yaml.safe_load_all(text) if one]
    (templates,) = (one["data"] for one in objects if one["metadata"]["name"] == "airflow-pod-template")
    workers = [yaml.safe_load(template) for template in templates.values()]
    for name, worker in zip(templates, workers, strict=True):
        worker["metadata"] |= {"name": name.removesuffix(".yaml").replace("_", "-"), "namespace": NAMESPACE}
        # A pod's account must be there, and a dry run makes none.
        worker["spec"]["serviceAccountName"] = "default"
    return [*objects, *workers]


def offer(env: AirflowEnv, objects: list[dict[str, Any]]) -> Result:
    """Ask the API server what it would say to these objects; a warning is an error."""
    words = ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "--filename", "-"]
    text = yaml.safe_dump_all(objects)
    return run([str(env.settings.folder / "kubectl"), *words], stdin=text, check=False, timeout_s=60)


@pytest.mark.parametrize("overlays", OVERLAYS.values(), ids=OVERLAYS.keys())
def test_every_object_is_accepted(airflow_env: AirflowEnv, overlays: tuple[str, ...]) -> None:
    objects = rendered(airflow_env, *overlays)
    answer = offer(airflow_env, objects)
    assert (answer.returncode, answer.stderr) == (0, "")
    made = answer.stdout.splitlines()
    assert len(made) == len(objects)
    assert {line.partition(" ")[2] for line in made} == {"created (server dry run)"}


@pytest.mark.parametrize(("path", "value", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_object_is_refused(airflow_env: AirflowEnv, path: str, value: object, said: str) -> None:
    (scheduler,) = (
        one
        for one in rendered(airflow_env)
        if (one["kind"], one["metadata"]["name"]) == ("Deployment", "airflow-scheduler")
    )
    *parents, last = path.split(".")
    reduce(getitem, parents, scheduler)[last] = value
    answer = offer(airflow_env, [scheduler])
    assert answer.returncode != 0
    assert said in answer.stderr
