"""`harness dags run` on a real cluster: each try with the pod that it really had."""

import json

import pytest

from harness import AirflowEnv

from .inside import RunRequest, run_dag

pytestmark = pytest.mark.timeout(240, func_only=True)


def test_each_try_is_shown_with_a_pod_of_its_own(airflow_env: AirflowEnv, capsys: pytest.CaptureFixture[str]) -> None:
    run_dag(airflow_env.environment, "retries", RunRequest({}), timeout_s=180, as_json=True)
    run = json.loads(capsys.readouterr().out)
    (task,) = run["tasks"]
    assert (run["state"], task["label"], task["state"]) == ("success", "fetch", "success")
    assert [(one["number"], one["state"]) for one in task["tries"]] == [(1, "failed"), (2, "success")]
    assert task["tries"][0]["phase"] == "Succeeded"  # Airflow's try failed, not its pod
    tries = airflow_env.airflow.tries("retries", run["run_id"], "fetch")
    assert [one["pod"] for one in task["tries"]] == [ti.hostname for ti in tries]
    assert len({one["pod"] for one in task["tries"]}) == 2


def test_lines_of_a_run_tell_each_task_s_end_and_the_run_s(
    airflow_env: AirflowEnv, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dag(airflow_env.environment, "mapped", RunRequest({}), timeout_s=180, as_json=False)
    *lines, last = capsys.readouterr().out.splitlines()
    ended = {line.split(" s  ")[1].split(" try")[0] for line in lines if ": success" in line}
    assert ended == {"list_orders", "value_of[0]", "value_of[1]", "value_of[2]", "add_up"}
    assert "of DAG mapped: success in " in last
    assert last.endswith("(5 tasks)")
