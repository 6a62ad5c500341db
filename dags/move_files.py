"""Moves the files that others have put into `incoming` to `accepted`, every quarter of an hour.

**Storage.** The folder that `FILES_URL` of the Secret `airflow-variables` names: `file:///mnt/files`, which is the
claim `shared-files` in this task's pods, or the URL of an object store whose provider is in the image.
**Rerun.** Safe, also after a try that was killed: each file is copied beside its target, compared, renamed, and only
then removed. A file of the same name with other content fails the task; nothing is overwritten.
**Catchup.** Off: a run moves all that waits.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

from jobs.deadlines import finish_within
from jobs.settings import require
from jobs.volumes import mount_files


@dag(
    schedule="*/15 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # two would do the same work
    default_args={"owner": "registry", "retries": 3, "retry_delay": timedelta(minutes=1)},
    deadline=finish_within(timedelta(minutes=30)),
    tags=["job", "files"],
    doc_md=__doc__,
)
def move_files() -> None:
    """Move files."""

    @task(executor_config=mount_files(), execution_timeout=timedelta(minutes=10))
    def move_incoming() -> list[str]:
        """Move all files that wait, and return their names."""
        from airflow.sdk import ObjectStoragePath

        from jobs.files import move_all

        files = ObjectStoragePath(require("FILES_URL"))
        return move_all(files / "incoming", files / "accepted")

    move_incoming()


move_files()
