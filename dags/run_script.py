"""Runs a shell script every night: it removes task logs that nobody needs any more.

**Script.** `jobs/clean_logs.sh`, delivered with the DAGs. A task's last line of output is its result in the UI.
**Rerun.** Any time; what is gone is gone.
**Catchup.** Off: one run removes all that the missed ones would have.
**By hand.** The parameter `keep_days` is how many days of logs stay.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Param, conf, dag

from jobs.deadlines import finish_within

SCRIPTS = Path(__file__).parent / "jobs"


@dag(
    schedule="30 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # two would do the same work
    default_args={"owner": "platform", "retries": 2, "retry_delay": timedelta(minutes=5)},
    params={"keep_days": Param(90, type="integer", minimum=1, description="How many days of logs stay")},
    deadline=finish_within(timedelta(hours=1)),
    tags=["job", "script"],
    doc_md=__doc__,
)
def run_script() -> None:
    """Run a script."""
    BashOperator(
        task_id="clean_logs",
        # By bash, for a delivered file cannot be executed. Airflow takes a value that ends in `.sh` for the name of a
        # template, so none does. The script gets these variables and no secret.
        bash_command='bash "$SCRIPTS/clean_logs.sh" "$LOGS" "$KEEP_DAYS"',
        env={
            "SCRIPTS": str(SCRIPTS),
            "LOGS": conf.get("logging", "base_log_folder"),
            "KEEP_DAYS": "{{ params.keep_days }}",
        },
        execution_timeout=timedelta(minutes=20),
    )


run_script()
