"""The jobs of `dags/` on the cluster, with what they did checked at the far end."""

import hashlib
import uuid
from collections.abc import Iterator

import pytest

from far_ends.cluster import FarEnds
from harness import AirflowEnv, NotYet, Runs, wait_until

pytestmark = pytest.mark.timeout(300, func_only=True)

JOBS = ("call_api", "load_database", "move_files", "run_script")


@pytest.fixture(scope="module")
def far_ends(airflow_env: AirflowEnv) -> Iterator[FarEnds]:
    """Make the far ends, and take them away with the runs of the schedules, which would look for them."""
    far_ends, airflow = FarEnds(airflow_env), airflow_env.airflow
    try:
        far_ends.start()
        yield far_ends
    finally:
        for dag_id in JOBS:
            airflow.pause(dag_id)
            for run in airflow.dag_runs(dag_id):
                if not run.is_over:
                    airflow.fail_run(dag_id, run.run_id)
        far_ends.remove()


def test_run_script_removes_old_logs_from_the_volume(far_ends: FarEnds, runs: Runs) -> None:
    folder = f"/opt/airflow/logs/dag_id=e2e_{uuid.uuid4().hex[:8]}"
    plant = f"mkdir {folder} && echo old > {folder}/old.log && touch -d '4000 days ago' {folder}/old.log"
    far_ends.exec("airflow-triggerer", "sh", "-c", f"{plant} && echo new > {folder}/new.log")
    try:
        run = runs.run("run_script", {"keep_days": 3650}, timeout_s=120)
        run.check({"clean_logs": 1})
        assert far_ends.exec("airflow-triggerer", "ls", folder).split() == ["new.log"]
    finally:
        far_ends.exec("airflow-triggerer", "rm", "-r", folder)


def test_move_files_moves_what_a_partner_has_put_there(far_ends: FarEnds, runs: Runs) -> None:
    texts = {f"e2e-{number}.csv": f"{number} ä\n" * 10_000 for number in range(3)}
    for name, text in texts.items():
        far_ends.write_file(f"incoming/{name}", text)
    run = runs.run("move_files", timeout_s=120)
    run.check({"move_incoming": 1})
    accepted = far_ends.read_files("accepted")
    assert {name: accepted[name] for name in texts} == {
        name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()
    }
    assert far_ends.read_files("incoming") == {}


def test_call_api_makes_one_export_though_an_answer_was_lost(far_ends: FarEnds, runs: Runs) -> None:
    run = runs.run("call_api", {"day": "2026-01-02"}, timeout_s=180)
    run.check({"request": 2})
    run.expect_retry_delay("request", delay_s=30)
    key = f"call_api/{run.run_id}/request"
    state = far_ends.registry_state()
    assert [request["day"] for request in state["requests"] if request["key"] == key] == ["2026-01-02"] * 2
    assert state["exports"][key]["day"] == "2026-01-02"
    assert run.airflow.xcom(run.dag_id, run.run_id, "request") == state["exports"][key]["id"]


def test_call_api_waits_as_long_as_the_service_asks_it_to(far_ends: FarEnds, runs: Runs) -> None:
    run = runs.run("call_api", {"day": "2026-01-03"}, timeout_s=180)
    run.check({"request": 3})
    run.expect_retry_delay("request", delay_s=2)
    first, second, _ = run.tries
    assert first.end is not None
    assert second.start is not None
    assert (second.start - first.end).total_seconds() < 30  # what it would be without
    assert far_ends.registry_state()["exports"][f"call_api/{run.run_id}/request"]["day"] == "2026-01-03"


def test_call_api_gives_up_at_once_on_what_is_refused(far_ends: FarEnds, runs: Runs) -> None:
    run = runs.run("call_api", {"day": "2026-01-04"}, timeout_s=120)
    assert (run.state, [ti.state for ti in run.tries]) == ("failed", ["failed"])
    assert f"call_api/{run.run_id}/request" not in far_ends.registry_state()["exports"]


def test_load_database_gives_the_same_rows_when_it_runs_twice(far_ends: FarEnds, runs: Runs) -> None:
    far_ends.write_file("accepted/orders-2026-03-01.csv", "order_id,customer,amount\no-1,Ada,12.50\no-2,Zoë,-3\n")
    rows = "SELECT order_id, customer, amount FROM orders WHERE day = '2026-03-01' ORDER BY order_id"
    for _ in range(2):
        run = runs.run("load_database", {"day": "2026-03-01"}, timeout_s=120)
        run.check({"load": 1})
        assert far_ends.query(rows) == ["o-1|Ada|12.50", "o-2|Zoë|-3.00"]


def test_load_database_is_transactional(far_ends: FarEnds, runs: Runs) -> None:
    rows = "SELECT order_id, amount FROM orders WHERE day = '2026-03-02' ORDER BY order_id"
    far_ends.write_file("accepted/orders-2026-03-02.csv", "order_id,customer,amount\no-1,Ada,1\n")
    runs.run("load_database", {"day": "2026-03-02"}, timeout_s=120)
    # The second row breaks the key, after the old rows were deleted and the first new one was inserted.
    far_ends.write_file("accepted/orders-2026-03-02.csv", "order_id,customer,amount\no-1,Ada,2\no-1,Ada,3\n")
    run = runs.start("load_database", {"day": "2026-03-02"})

    def has_failed_once() -> bool | NotYet:
        states = [ti.state for ti in run.task_instances]
        return states == ["up_for_retry"] or NotYet(str(states))

    wait_until("the first try's end", has_failed_once, timeout_s=120)
    assert far_ends.query(rows) == ["o-1|1.00"]


def test_load_database_makes_up_for_missed_days_by_a_backfill(far_ends: FarEnds, airflow_env: AirflowEnv) -> None:
    for day in ("2026-03-04", "2026-03-05"):
        far_ends.write_file(f"accepted/orders-{day}.csv", f"order_id,customer,amount\no-1,Ada,{day[-1]}\n")
    airflow_env.airflow.unpause("load_database")
    # Completed runs of these days may be there from an earlier session: they are run again.
    backfill = ["airflow", "backfill", "create", "--dag-id", "load_database", "--reprocess-behavior", "completed"]
    far_ends.exec("airflow-scheduler", *backfill, "--from-date", "2026-03-05", "--to-date", "2026-03-06T06:00")
    for day in ("2026-03-05", "2026-03-06"):
        run_id = f"backfill__{day}T05:00:00+00:00"
        assert airflow_env.airflow.wait_for_run("load_database", run_id, timeout_s=180).state == "success"
    rows = "SELECT day, amount FROM orders WHERE day IN ('2026-03-04', '2026-03-05') ORDER BY day"
    assert far_ends.query(rows) == ["2026-03-04|4.00", "2026-03-05|5.00"]
