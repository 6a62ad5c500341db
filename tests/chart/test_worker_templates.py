"""A team's template of worker pods is the chart's own, but for what the team says."""

from __future__ import annotations

from pathlib import Path

import pytest

from .render import STABLE, Object, Rendering, containers, render

SMALL = (
    'workers.templates={"small": {"resources": {"requests": {"cpu": "50m", "memory": "64Mi"}}, "labels": {"team": "a"},'
    ' "annotations": {"example.com/team": "a"}, "nodeSelector": {"pool": "a"},'
    ' "tolerations": [{"key": "pool", "value": "a"}], "terminationGracePeriodSeconds": 10,'
    ' "extraEnv": [{"name": "A", "value": "b"}]}}'
)


@pytest.fixture(scope="module")
def templated(helm: Path) -> Rendering:
    return render(helm, sets=(*STABLE, SMALL))


def base(pod: Object) -> Object:
    (container,) = containers(pod)
    return container


def test_without_templates_there_is_one_file(default: Rendering) -> None:
    assert list(default["ConfigMap/airflow-pod-template"]["data"]) == ["pod_template.yaml"]


def test_template_has_what_its_team_says(templated: Rendering) -> None:
    pod = templated.worker_pod("small")
    assert pod["metadata"]["labels"]["team"] == "a"
    assert pod["metadata"]["annotations"]["example.com/team"] == "a"
    assert pod["spec"]["nodeSelector"] == {"pool": "a"}
    assert pod["spec"]["tolerations"] == [{"key": "pool", "value": "a"}]
    assert pod["spec"]["terminationGracePeriodSeconds"] == 10
    assert base(pod)["env"] == [{"name": "A", "value": "b"}]
    assert base(pod)["resources"] == {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}}


def test_all_else_is_the_chart_s(templated: Rendering) -> None:
    own, common = templated.worker_pod("small"), templated.worker_pod()
    assert common.items() <= {**own, "metadata": common["metadata"], "spec": common["spec"]}.items()
    assert common["metadata"]["labels"].items() <= own["metadata"]["labels"].items()
    assert common["metadata"]["annotations"].items() <= own["metadata"]["annotations"].items()
    changed = {"nodeSelector", "tolerations", "terminationGracePeriodSeconds", "containers"}
    assert {name for name in own["spec"] if own["spec"][name] != common["spec"].get(name)} == changed
    assert {name for name in base(own) if base(own)[name] != base(common).get(name)} == {"env", "resources"}


def test_common_pod_is_not_changed_by_a_template(templated: Rendering, stable: Rendering) -> None:
    assert templated.worker_pod() == stable.worker_pod()


def test_labels_of_the_chart_stay(helm: Path) -> None:
    sets = 'workers.templates={"small": {"labels": {"app.kubernetes.io/component": "other", "on": "true"}}}'
    labels = render(helm, sets=(*STABLE, sets)).worker_pod("small")["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == "worker"
    assert labels["on"] == "true"


def test_scheduler_finds_each_template_where_the_docs_say(templated: Rendering) -> None:
    pod = templated.pods()["scheduler"]
    mounts = [one for one in pod["spec"]["containers"][0]["volumeMounts"] if one["name"] == "pod-template"]
    (volume,) = (one for one in pod["spec"]["volumes"] if one["name"] == "pod-template")
    paths = {one["subPath"]: one["mountPath"] for one in mounts}
    assert paths == {f"{name}.yaml": f"/opt/airflow/pod_template/{name}.yaml" for name in ("pod_template", "small")}
    # Without a list of items every key is a file.
    assert volume["configMap"] == {"name": "airflow-pod-template"}
    assert "small.yaml" in templated["ConfigMap/airflow-pod-template"]["data"]
