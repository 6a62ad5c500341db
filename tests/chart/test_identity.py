"""Whom pods act as: in the cloud by annotations of their ServiceAccount, and in the cluster by a token and a Role."""

from __future__ import annotations

from pathlib import Path

import pytest

from .render import NAMESPACE, STABLE, RenderError, Rendering, render

ROLE = "example.com/role"
TEAM = (
    'workers.templates={"reports": {"serviceAccount": {"annotations": {"example.com/role": "reports"}}}, "small": {}}'
)
PODS = 'workers.podOperator.namespaces=["jobs", "tools"]'
COMPONENTS = {
    "api-server": "apiServer",
    "cleanup": "cleanup",
    "dag-processor": "dagProcessor",
    "metrics": "metrics",
    "pod-cleanup": "podCleanup",
    "scheduler": "scheduler",
    "setup": "setup",
    "triggerer": "triggerer",
    "worker": "workers",
}
ALL = ("cleanup.enabled=true", "metrics.enabled=true")


def accounts(rendering: Rendering) -> dict[str, str | None]:
    """Return the role in the cloud of each ServiceAccount."""
    found = rendering.of_kind("ServiceAccount")
    return {one["metadata"]["name"]: one["metadata"].get("annotations", {}).get(ROLE) for one in found}


def allowed(rendering: Rendering, account: str) -> dict[str, set[str]]:
    """Return the namespaces in which an account is bound to a Role, and what that lets it do with pods."""
    roles = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in rendering.of_kind("Role")}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}
    bound = [one for one in rendering.of_kind("RoleBinding") if subject in one["subjects"]]
    return {
        one["metadata"]["namespace"]: {
            verb
            for rule in roles[(one["metadata"]["namespace"], one["roleRef"]["name"])]["rules"]
            if rule["resources"] == ["pods"]
            for verb in rule["verbs"]
        }
        for one in bound
    }


def has_token(rendering: Rendering, template: str = "pod_template") -> bool:
    return bool(rendering.worker_pod(template)["spec"]["automountServiceAccountToken"])


@pytest.mark.parametrize("component", COMPONENTS)
def test_account_of_a_component_has_its_annotations(helm: Path, component: str) -> None:
    sets = (f'{COMPONENTS[component]}.serviceAccount.annotations={{"{ROLE}": "own"}}',)
    found = accounts(render(helm, sets=(*STABLE, *ALL, *sets)))
    assert [name for name, role in found.items() if role] == [f"airflow-{component}"]


def test_annotations_of_all_are_on_every_account(helm: Path) -> None:
    found = accounts(render(helm, sets=(*STABLE, *ALL, f'serviceAccount.annotations={{"{ROLE}": "all"}}')))
    assert found == {f"airflow-{component}": "all" for component in COMPONENTS}


@pytest.mark.parametrize("component", COMPONENTS)
def test_account_that_is_there_is_used_and_not_made(helm: Path, component: str) -> None:
    values = COMPONENTS[component]
    sets = (f"{values}.serviceAccount.create=false", f"{values}.serviceAccount.name=given")
    rendering = render(helm, sets=(*STABLE, *ALL, *sets))
    assert rendering.pods()[component]["spec"]["serviceAccountName"] == "given"
    assert f"airflow-{component}" not in accounts(rendering)
    subjects = [one["subjects"][0]["name"] for one in rendering.of_kind("RoleBinding")]
    assert f"airflow-{component}" not in subjects
    assert subjects.count("given") == (
        1 if component in {"api-server", "dag-processor", "pod-cleanup", "scheduler"} else 0
    )


def test_template_may_have_an_account_of_its_own(helm: Path) -> None:
    rendering = render(helm, sets=(*STABLE, TEAM, f'workers.serviceAccount.annotations={{"{ROLE}": "common"}}'))
    names = {name: rendering.worker_pod(name)["spec"]["serviceAccountName"] for name in ("reports", "small")}
    assert names == {"reports": "airflow-worker-reports", "small": "airflow-worker"}
    found = accounts(rendering)
    assert (found["airflow-worker-reports"], found["airflow-worker"]) == ("reports", "common")


def test_template_may_use_an_account_that_is_there(helm: Path) -> None:
    own = 'workers.templates={"reports": {"serviceAccount": {"create": false, "name": "given"}}}'
    rendering = render(helm, sets=(*STABLE, own))
    assert rendering.worker_pod("reports")["spec"]["serviceAccountName"] == "given"
    assert "given" not in accounts(rendering)


def test_workers_have_a_token_when_asked_for_it(helm: Path, stable: Rendering) -> None:
    assert not has_token(stable)
    asked = render(helm, sets=(*STABLE, "workers.serviceAccount.automountServiceAccountToken=true"))
    assert has_token(asked)
    assert allowed(asked, "airflow-worker") == {}


def test_workers_make_pods_in_the_namespaces_named(helm: Path) -> None:
    rendering = render(helm, sets=(*STABLE, PODS))
    verbs = {"create", "delete", "get", "list", "patch", "watch"}
    assert allowed(rendering, "airflow-worker") == {"jobs": verbs, "tools": verbs}
    assert has_token(rendering)
    assert not rendering.of_kind("ClusterRole")


def test_one_template_alone_makes_pods(helm: Path) -> None:
    own = 'workers.templates={"pods": {"serviceAccount": {"create": true}, "podOperator": {"namespaces": ["jobs"]}}}'
    rendering = render(helm, sets=(*STABLE, own))
    assert set(allowed(rendering, "airflow-worker-pods")) == {"jobs"}
    assert allowed(rendering, "airflow-worker") == {}
    assert (has_token(rendering, "pods"), has_token(rendering)) == (True, False)


def test_pods_of_a_template_without_an_account_are_refused(helm: Path) -> None:
    with pytest.raises(RenderError, match="serviceAccount"):
        render(helm, sets=('workers.templates={"pods": {"podOperator": {"namespaces": ["jobs"]}}}',))


def test_policies_let_workers_with_a_token_reach_kubernetes(helm: Path) -> None:
    narrow = ("networkPolicies.enabled=true", "networkPolicies.dagCode=[]")
    with_token, without = (
        render(helm, sets=(*STABLE, *narrow, *more))["NetworkPolicy/airflow-worker"]["spec"]["egress"]
        for more in ((PODS,), ())
    )
    added = [rule for rule in with_token if rule not in without]
    assert [[port["port"] for port in rule["ports"]] for rule in added] == [[443, 6443]]


@pytest.mark.parametrize("user", ["apiServer", "dagProcessor", "podCleanup", "scheduler"])
@pytest.mark.parametrize("token", ["workers.serviceAccount.automountServiceAccountToken=true", PODS])
def test_tasks_with_a_token_share_no_component_s_account(helm: Path, user: str, token: str) -> None:
    sets = (token, f"{user}.serviceAccount.name=airflow-worker")
    with pytest.raises(
        RenderError, match=rf"the account airflow-worker with {user}, .* set workers\.serviceAccount\.name"
    ):
        render(helm, sets=sets)


def test_accounts_that_nobody_makes_go_without_a_token_only(helm: Path) -> None:
    no_account = (*STABLE, "serviceAccount.create=false")
    assert not render(helm, sets=no_account).of_kind("ServiceAccount")
    with pytest.raises(RenderError, match="share the account default"):
        render(helm, sets=(*no_account, PODS))
    given = render(helm, sets=(*no_account, PODS, "workers.serviceAccount.name=given"))
    assert set(allowed(given, "given")) == {"jobs", "tools"}


def test_template_with_an_account_that_nobody_makes_is_refused(helm: Path) -> None:
    with pytest.raises(RenderError, match=r"workers\.templates\.reports\.serviceAccount: none is made"):
        render(helm, sets=(TEAM, "workers.serviceAccount.create=false"))


def shared(first: str, second: str) -> str:
    """Return two templates that make pods with one account, each with an annotation of its own."""
    one, two = (
        f'{{"serviceAccount": {{"create": true, "name": "shared", "annotations": {{"{ROLE}": "{role}"}}}},'
        ' "podOperator": {"namespaces": ["jobs"]}}'
        for role in (first, second)
    )
    return f'workers.templates={{"one": {one}, "two": {two}}}'


def test_account_of_two_templates_is_made_once(helm: Path) -> None:
    rendering = render(helm, sets=(*STABLE, shared("a", "a")))
    assert rendering["ServiceAccount/shared"]["metadata"]["annotations"] == {ROLE: "a"}
    assert rendering["Role/tools.shared-pod-operator"]["metadata"]["namespace"] == "jobs"
    assert len(rendering.names()) == len(set(rendering.names()))


def test_account_of_two_components_is_made_once(helm: Path) -> None:
    sets = ("triggerer.serviceAccount.name=shared", "setup.serviceAccount.name=shared")
    assert render(helm, sets=(*STABLE, *sets))["ServiceAccount/shared"]


def test_account_with_two_annotations_is_refused(helm: Path) -> None:
    with pytest.raises(RenderError, match=r"workers\.templates\.one and workers\.templates\.two: the account shared"):
        render(helm, sets=(shared("a", "b"),))
