"""What a backup, a restore and a reset do, step by step."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.backup.archive import DUMP, Archive, Manifest, check_free, read_archive, write_archive
from harness.backup.database import BESIDE, STATEFUL_SET, Database
from harness.cluster import LOGS_IN_NODE
from harness.delivery.dag_processor import settings_of_values
from harness.errors import HarnessError, UsageError, Verb
from harness.nodes import control_plane
from harness.observe.pods import WORKER_SELECTOR
from harness.redact import remember_secrets
from harness.release import Release
from harness.settings import Settings
from harness.steps import Reporter, Say, Step, run_steps
from harness.tools import Json
from harness.tools.k8s import Kubernetes, Objects
from harness.waiting import CLOCK, Clock, NotYet, not_yet, wait_until

KEYS, FERNET_KEY = "airflow-internal", "fernet-key"
VERSION_LABEL = "app.kubernetes.io/version"
STOPPED_S = 120
PODS_SHOWN = 3
DEFAULT_SLOTS = 128  # Airflow's own default of core.default_pool_task_slot_count
REMOVE_LOGS = (
    "find",
    LOGS_IN_NODE,
    "-mindepth",
    "1",
    "-maxdepth",
    "1",
    "-name",
    "dag_id=*",
    "-exec",
    "rm",
    "-rf",
    "{}",
    "+",
)


@dataclass(frozen=True)
class Backup:
    """A backup's file and what it holds."""

    path: Path
    size_bytes: int
    manifest: Manifest


@dataclass(frozen=True)
class Backups:
    """The backups of one environment."""

    settings: Settings
    kubernetes: Kubernetes
    database: Database
    release: Release
    clock: Clock = CLOCK

    def save(self, path: Path | None, reporter: Reporter) -> Backup:
        """Write a backup and return it; raises UsageError when the file exists, or there is no embedded database."""
        created = self.clock.utc_now()
        folder = self.settings.state / "backups"
        wanted = path or folder / f"{self.settings.name}-{created:%Y%m%dT%H%M%SZ}.backup"
        check_free(wanted)
        if path is None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        elif not path.parent.is_dir():
            raise UsageError(f"the folder {path.parent} is not there", next_step="make it, or name another")
        with TemporaryDirectory(prefix=".harness-backup-", dir=wanted.parent) as beside:
            dump = Path(beside) / DUMP
            manifest: list[Manifest] = []
            run_steps(
                [
                    Step("embedded database", None, lambda _: manifest.append(self._describe(created))),
                    Step("dump", _never, lambda _: self.database.dump(dump)),
                    Step("file", _never, lambda _: write_archive(wanted, Archive(manifest[0], self._key(), dump))),
                ],
                reporter,
                self.clock,
            )
        return Backup(wanted, wanted.stat().st_size, manifest[0])

    def restore(self, path: Path, reporter: Reporter, more: Callable[[], Iterator[Step]], *, force: bool) -> Backup:
        """Put a backup in the place of the database, take `more` steps, which see Airflow healthy, and return it.

        Raises UsageError, before anything is changed, for a file that cannot be restored here, and while tasks run
        unless forced: then they end.
        """
        with TemporaryDirectory(prefix="harness-restore-") as folder:
            archive = read_archive(path, Path(folder))
            run_steps(self._restore_steps(archive, force=force), reporter, self.clock)
            run_steps(more(), reporter, self.clock)
        return Backup(path, path.stat().st_size, archive.manifest)

    def reset_steps(self, *, force: bool) -> Iterator[Step]:
        """Yield what makes the metadata as freshly installed, while Airflow goes on; DAGs and users stay.

        Raises UsageError when there is no embedded database, and while tasks run unless forced: then they end.
        """
        yield Step("embedded database", None, lambda _: self._version())
        yield Step("running tasks", None, lambda _: self._check_idle(force=force))
        yield Step("metadata", _never, lambda _: self.database.reset(self._default_slots))
        # A task in the scheduler's pod is ended by its supervisor, at the next heartbeat that finds no such task.
        yield Step("worker pods", lambda: not self._workers(), self._end_workers)
        yield Step("task logs", _never, lambda _: self.database.docker.exec(control_plane(self.settings), *REMOVE_LOGS))

    @property
    def _default_slots(self) -> int:
        return int(settings_of_values(self.settings).get("AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT", DEFAULT_SLOTS))

    def _describe(self, created: datetime) -> Manifest:
        version = self._version()
        revision = self.database.revision()
        if not revision:
            raise HarnessError("the database holds no tables of Airflow", next_step=Verb("up"))
        when = created.isoformat(timespec="seconds")
        return Manifest(self.settings.name, when, version, revision, self.database.count_runs())

    def _restore_steps(self, archive: Archive, *, force: bool) -> Iterator[Step]:
        yield Step("embedded database", None, lambda _: self._check_fits(archive.manifest))
        yield Step("running tasks", None, lambda _: self._check_idle(force=force))
        yield Step("dump", _never, lambda say: self._restore_beside(archive, say))
        yield Step("database and key", _never, lambda say: self._replace(archive.fernet_key, say))

    def _check_fits(self, manifest: Manifest) -> None:
        """Refuse a newer Airflow's backup; an older one's the setup Job migrates, as it does at an upgrade."""
        here = self._version()
        if _parts(manifest.airflow) > _parts(here):
            raise UsageError(
                f"the backup is of Airflow {manifest.airflow}, which is newer than {here} here",
                next_step=f"restore it into an environment of Airflow {manifest.airflow} or newer",
            )
        if not self.release.is_installed():
            raise UsageError(
                "the release is not that of this project's chart and values",
                next_step=Verb("up", "installs it; then restore again"),
            )
        self._key()

    def _check_idle(self, *, force: bool) -> None:
        seen = "" if force else self._find_tasks()
        if seen:
            raise UsageError(
                f"tasks run or are queued, and their history would go under them: {seen}",
                next_step="wait for their end, or end them with --force",
            )

    def _find_tasks(self) -> str:
        """Return where tasks are: in which worker pods, or how many without one, queued or local; empty for none."""
        names = [pod["metadata"]["name"] for pod in self._workers() if pod["status"]["phase"] in {"Pending", "Running"}]
        if names:
            more = f" and {len(names) - PODS_SHOWN} more" if names[PODS_SHOWN:] else ""
            return f"{', '.join(names[:PODS_SHOWN])}{more}"
        count = self.database.count_busy_tasks()
        return f"{count} in the database" if count else ""

    def _restore_beside(self, archive: Archive, say: Say) -> None:
        self.database.restore_beside(archive.dump)
        say(f"{self.database.count_runs(BESIDE)} DAG runs until {archive.manifest.created}")

    def _replace(self, key: bytes, say: Say) -> None:
        """Swap databases and keys while nothing of Airflow runs; also after an error the release is there again.

        Deployments are deleted, not scaled: Helm makes what is missing, but refuses a number that others changed.
        """
        say("stopping Airflow")
        try:
            for kind, item in self._users():
                self.kubernetes.delete(kind, item["metadata"]["name"], self.settings.namespace)
            what = "the end of Airflow's pods"
            wait_until(what, self._end_pods, timeout_s=STOPPED_S, on_change=say, clock=self.clock)
            say("replacing the database")
            self.database.swap()
            data = {"data": {FERNET_KEY: b64encode(key).decode()}}
            self.kubernetes.merge("Secret", KEYS, self.settings.namespace, data)
        finally:
            say("starting Airflow")
            self.release.install()

    def _users(self) -> Iterator[tuple[str, Json]]:
        """Yield what runs Airflow, and the setup Job, which is to look at the database again."""
        for kind in ("Deployment", "Job"):
            for item in self.kubernetes.list(kind, self.settings.namespace, label_selector=self._ours):
                yield kind, item

    def _end_pods(self) -> bool | NotYet:
        """Hurry the pods that are left: what they would still write is thrown away with the database."""
        pods = self.kubernetes.list("Pod", self.settings.namespace, label_selector=self._ours)
        names = {pod["metadata"]["name"] for pod in (*pods, *self._workers())}
        return self._hurry(sorted(name for name in names if not name.startswith(f"{STATEFUL_SET}-")))

    def _end_workers(self, say: Say) -> None:
        def probe() -> bool | NotYet:
            return self._hurry([pod["metadata"]["name"] for pod in self._workers()])

        wait_until("the end of worker pods", probe, timeout_s=STOPPED_S, on_change=say, clock=self.clock)

    def _hurry(self, left: list[str]) -> bool | NotYet:
        for name in left:
            # Not 0, which forgets a pod whose processes may live on.
            self.kubernetes.delete("Pod", name, self.settings.namespace, grace_period_s=1)
        return not_yet(left) if left else True

    def _workers(self) -> Objects:
        return self.kubernetes.list("Pod", self.settings.namespace, label_selector=WORKER_SELECTOR)

    @property
    def _ours(self) -> str:
        return f"app.kubernetes.io/instance={self.settings.release}"

    def _version(self) -> str:
        """Return the release's Airflow version; raises UsageError when the release has no database of its own."""
        found = self.kubernetes.get("StatefulSet", STATEFUL_SET, self.settings.namespace)
        if found is None:
            raise UsageError(
                f"there is no StatefulSet {STATEFUL_SET} in namespace {self.settings.namespace}",
                next_step="backup and restore serve the chart's embedded PostgreSQL; use those of your own database",
            )
        return str(found["metadata"]["labels"][VERSION_LABEL])

    def _key(self) -> bytes:
        secret = self.kubernetes.get("Secret", KEYS, self.settings.namespace)
        encoded = ((secret or {}).get("data") or {}).get(FERNET_KEY)
        if not encoded:
            where = f"{self.settings.namespace}/{KEYS}"
            raise UsageError(f"Secret {where} has no {FERNET_KEY}", next_step=Verb("up"))
        key = b64decode(encoded)
        remember_secrets([key.decode()])
        return key


def _never() -> bool:
    return False


def _parts(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]
