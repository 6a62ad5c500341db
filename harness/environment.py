"""One environment, whole: what its verbs do, in which order, and what `status` tells."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import doctor, labels, release, rollout, standby
from harness.backup.steps import Backup
from harness.credentials import check_secrets, ensure_secrets, has_secrets
from harness.errors import Advice, HarnessError, HostError, UsageError, Verb
from harness.gate.gate import list_gates, remove_gates
from harness.host.binaries import ensure_binary, find_binary
from harness.host.engine import ensure_engine, has_engine
from harness.images.source import keep_choice, read_choice
from harness.images.store import FILLER
from harness.nodes import cluster_name, list_nodes, remove_cluster, remove_container
from harness.parts import Parts
from harness.settings import Settings
from harness.steps import Reporter, Say, Step, run_steps
from harness.tools.kind import CLUSTER_LABEL

LOCK_S = 3


@dataclass(frozen=True)
class Environment:
    """One environment: what is done with its parts, in which order."""

    parts: Parts

    @property
    def settings(self) -> Settings:
        """The environment's settings."""
        return self.parts.settings

    def up(self, reporter: Reporter) -> None:
        """Make everything that is missing, in order; a second call finds nothing to do.

        Raises UsageError when this host or the input does not allow it, before anything was made.
        """
        self._refuse_elsewhere("up", Verb("dags sync", "delivers the DAGs there"))
        with self._lock():
            self._run(self._host_steps(), reporter)
            self._run(self._image_steps(), reporter)
            self._run(self._cluster_steps(), reporter)
            self._run(self._airflow_steps(), reporter)

    def start_engine(self, reporter: Reporter) -> None:
        """Make the container engine answer; the containers that it holds come back with it."""
        self._run([self._engine_step()], reporter)

    def down(self, reporter: Reporter) -> None:
        """Remove everything of this environment; images, caches and the engine stay, for they serve all."""
        self._refuse_elsewhere("down", "whoever has installed the release removes it")
        self._check_engine()
        with self._lock():
            self._run([Step("cluster", lambda: not self.has_remains(), self._remove)], reporter)

    def stop(self, reporter: Reporter) -> None:
        """End all processes of the environment; its nodes, and what Airflow remembers, stay for `start`."""
        self._rest("stop", standby.stop_steps, reporter)

    def start(self, reporter: Reporter) -> None:
        """Bring stopped or paused nodes back and see Airflow healthy; nothing is installed or delivered."""
        self._rest("start", standby.start_steps, reporter)

    def pause(self, reporter: Reporter) -> None:
        """Let every process on the nodes stand still where it is; raises UsageError when they are stopped."""
        self._rest("pause", standby.pause_steps, reporter)

    def resume(self, reporter: Reporter) -> None:
        """Let paused nodes go on, and see Airflow answer; raises UsageError when they are stopped."""
        self._rest("resume", standby.resume_steps, reporter)

    def backup(self, path: Path | None, reporter: Reporter) -> Backup:
        """Write the embedded database into a file, by default one of the state folder's, and return what it holds.

        Raises UsageError when there is a file of that name, or no embedded database.
        """
        self._refuse_elsewhere("backup", "whoever runs its database backs it up")
        with self._lock():
            return self.parts.backups.save(path, reporter)

    def restore(self, path: Path, reporter: Reporter, *, force: bool = False) -> Backup:
        """Put a backup in the place of the database, see Airflow healthy on it, and return what the file held.

        Raises UsageError, before anything is changed, for a file that cannot be restored here, and while tasks run
        unless forced: then they end.
        """
        self._refuse_elsewhere("restore", "whoever runs its database restores it")
        with self._lock():
            return self.parts.backups.restore(path, reporter, self._restored_steps, force=force)

    def reset(self, reporter: Reporter, *, force: bool = False) -> None:
        """Make Airflow's metadata as freshly installed; raises UsageError while tasks run unless forced."""
        self._rest("reset", lambda parts: parts.backups.reset_steps(force=force), reporter)

    def check_exists(self) -> None:
        """Raise UsageError that names the environments there are when this one has no cluster."""
        if self.settings.is_elsewhere:
            _ = self.parts.kubernetes  # which says what is wrong with the context
            return
        self._check_engine()
        if not self.node_states():
            raise UsageError(
                f"there is no environment `{self.settings.name}`; there are: {', '.join(self.list_names()) or 'none'}",
                next_step=Verb("up"),
            )

    def check_runs(self) -> None:
        """Raise UsageError when there is no such environment, or its nodes are stopped or paused."""
        self.check_exists()
        if not self.settings.is_elsewhere:
            standby.check_awake(self.parts)

    def _rest(self, verb: str, steps: Callable[[Parts], Iterator[Step]], reporter: Reporter) -> None:
        self._refuse_elsewhere(verb, "whoever runs that cluster does it")
        self._check_engine()
        with self._lock():
            self._run(steps(self.parts), reporter)

    def _refuse_elsewhere(self, verb: str, next_step: Advice) -> None:
        """Raise UsageError where the harness delivers, looks and tests, and nothing else."""
        if self.settings.is_elsewhere:
            raise UsageError(
                f"`{verb}` is not for `{self.settings.name}`, which is on a cluster that is there: context "
                f"`{self.settings.context}`",
                next_step=next_step,
            )

    def list_names(self) -> list[str]:
        """Return the names of all environments that have containers, and of those that the settings place elsewhere."""
        nodes = self.parts.docker.list_containers(CLUSTER_LABEL)
        clusters = {self.parts.docker.inspect(node)["Config"]["Labels"][CLUSTER_LABEL] for node in nodes}
        ours = {name.removeprefix("harness-") for name in clusters if name.startswith("harness-")}
        return sorted(ours | {name for name, table in self.settings.environments.items() if "context" in table})

    def node_states(self) -> dict[str, str]:
        """Return node -> state of the container; empty when there is no cluster."""
        return list_nodes(self.parts.docker, self.settings)

    def has_remains(self) -> bool:
        """Tell whether anything of this environment is on this machine."""
        return bool(
            self.node_states()
            or self.parts.docker.list_networks(cluster_name(self.settings))
            or self.settings.folder.exists()
            or self.settings.choice_file.exists()
            or self._fillers()
            or list_gates(self.parts.docker, self.settings.name)
        )

    def examine(self) -> list[doctor.Check]:
        """Return the doctor's findings."""
        parts, settings = self.parts, self.settings
        return doctor.examine(
            doctor.Machine(
                parts.host, parts.go, parts.choice, settings.state, settings.airflow_port, self.has_cluster()
            )
        )

    def has_cluster(self) -> bool:
        """Tell whether there are nodes; without an engine there are none."""
        try:
            return bool(self.node_states())
        except HarnessError:
            return False  # no engine, no cluster

    def _host_steps(self) -> Iterator[Step]:
        def check(_: Say) -> None:
            self.parts.dags.check_syntax()
            if not self.has_cluster():
                doctor.check_room(self.settings.state)

        yield Step("input", None, check)
        yield self._engine_step()
        yield Step("host", None, lambda _: self._check_host())
        yield Step("source of images", self._is_choice_kept, self._keep_choice)
        yield Step(
            "kind and helm",
            lambda: all(find_binary(wanted, self.parts.go) for wanted in self.parts.binaries),
            self._ensure_binaries,
        )
        if self.parts.own_image:
            yield from self.parts.own_image.before
        yield Step("chart", None, lambda _: self.parts.release.check())
        yield Step("cluster's settings", None, lambda _: self.parts.cluster.check_same())
        if self.settings.kubeconfig.exists():
            yield Step("secrets' keys", None, lambda _: check_secrets(self.parts.kubernetes, self.settings))

    def _engine_step(self) -> Step:
        return Step(
            "container engine",
            self._engine_answers,
            lambda say: ensure_engine(self.parts.host, self.settings.state / "engine", say, self.parts.clock),
        )

    def _is_choice_kept(self) -> bool:
        return read_choice(self.settings.choice_file) == self.parts.choice

    def _keep_choice(self, say: Say) -> None:
        say(f"{self.parts.choice.source}: {self.parts.choice.reason}")
        keep_choice(self.parts.choice, self.settings.choice_file)

    def _check_engine(self) -> None:
        if not self._engine_answers():
            raise HostError(
                "no container engine answers, so nobody can tell what runs",
                next_step=(Verb("up", "starts it, where it may"), "or start it yourself"),
            )

    def _engine_answers(self) -> bool:
        return has_engine(lambda: self.parts.docker)

    def _check_host(self) -> None:
        problems = [check for check in self.examine() if check.verdict == "problem"]
        if problems:
            raise HostError(
                "; ".join(f"{check.name}: {check.seen}" for check in problems),
                next_step=tuple(check.cure for check in problems),
            )

    def _ensure_binaries(self, say: Say) -> None:
        for wanted in self.parts.binaries:
            say(f"{wanted.name} {wanted.version}")
            ensure_binary(wanted, self.parts.go, self.parts.pins, say)

    def _image_steps(self) -> Iterator[Step]:
        yield from self.parts.image_steps()
        # A cluster that is there takes a new image of the project by itself.
        if self.parts.store and not (self.parts.own_image and self.parts.cluster.is_whole()):
            yield self.parts.store.step()

    def _cluster_steps(self) -> Iterator[Step]:
        cluster = self.parts.cluster
        yield Step("cluster", cluster.is_whole, cluster.ensure)
        yield Step("cluster answers", None, cluster.wait_until_it_answers)
        yield Step("images in the nodes", lambda: not cluster.missing_images(), cluster.load_images)

    def _airflow_steps(self) -> Iterator[Step]:
        settings = self.settings
        yield Step(
            "namespace",
            lambda: release.has_namespace(self.parts.kubernetes, settings),
            lambda _: release.ensure_namespace(self.parts.kubernetes, settings),
        )
        yield Step(
            "secrets",
            lambda: has_secrets(self.parts.kubernetes, settings),
            lambda _: ensure_secrets(self.parts.kubernetes, settings),
        )
        yield Step("dags", lambda: self.parts.dags.compare() == "same", lambda _: self.parts.dags.write())
        yield Step(
            "release",
            self.parts.release.is_installed,
            lambda say: self.parts.release.install(
                rollout.watch_hooks(self.parts.kubernetes, settings, say, self.parts.clock)
            ),
        )
        yield standby.ready_step(self.parts)  # as late as this, for until then nothing needs more than the API
        yield from standby.health_steps(self.parts)
        yield Step("dags live", None, lambda _: self.parts.dags.sync())

    def _restored_steps(self) -> Iterator[Step]:
        yield from standby.health_steps(self.parts)
        yield Step("dags live", None, lambda _: self.parts.dags.wait_until_live())

    def _remove(self, say: Say) -> None:
        for container in self._fillers():
            remove_container(self.parts.docker, container)
        remove_gates(self.parts.docker, self.settings.name)
        say(f"removing {cluster_name(self.settings)}")
        remove_cluster(self.parts.docker, self.settings)
        self.settings.choice_file.unlink(missing_ok=True)

    def _fillers(self) -> list[str]:
        """Return the containers that killed fills of the image store left: one or none for each set of images."""
        ours = self.parts.docker.list_containers(f"{labels.ENVIRONMENT}={self.settings.name}")
        return [name for name in ours if name.startswith(FILLER)]

    def _run(self, steps: Iterable[Step], reporter: Reporter) -> None:
        run_steps(steps, reporter, self.parts.clock)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one command at a time work on an environment."""
        from filelock import FileLock, Timeout

        self.settings.cache_folder.mkdir(parents=True, exist_ok=True)
        path = self.settings.state / f"{self.settings.name}.lock"
        try:
            with FileLock(path, timeout=LOCK_S):
                yield
        except Timeout:
            raise HarnessError(
                f"another harness command works on `{self.settings.name}`",
                next_step="wait until it ended, or end it",
            ) from None
