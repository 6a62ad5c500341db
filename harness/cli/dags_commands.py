"""`harness dags run` and `harness dags watch`."""

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from urllib.parse import quote

import typer

from harness.advice import explain
from harness.cli.output import err, out, print_json, say
from harness.cli.run_request import RUN_TIMEOUT_S, RunRequest
from harness.cli.run_view import RunView, print_end
from harness.delivery.watch import HasSaves, Watch, read_saves
from harness.environment import Environment
from harness.errors import Interrupted, UsageError
from harness.observe.follow import find_dag, follow, start_run
from harness.observe.recorder import PodRecorder
from harness.observe.runs import Run
from harness.observe.snapshots import RunSnapshot
from harness.observe.task_logs import TaskLogs


def run_dag(environment: Environment, dag_id: str, request: RunRequest, *, timeout_s: float, as_json: bool) -> None:
    """Start a run of the DAG, show it until it is over, and exit with 0 for success and 1 for failure.

    With `as_json` its last state is printed as one JSON document, and nothing else on standard output.
    """
    environment.check_runs()
    find_dag(environment.parts.airflow, dag_id)
    with PodRecorder(environment.parts.kubernetes, environment.settings.namespace) as recorder:
        view = None if as_json else RunView(out)
        say = view.say if view else _say_aside
        run = _start(environment, recorder, dag_id, request, say)
        try:
            with view or nullcontext():
                last = _follow(environment, run, view.show if view else lambda _: None, say, timeout_s)
        except KeyboardInterrupt:
            raise Interrupted(f"run {run.run_id} of DAG {dag_id} goes on", next_step=_where(environment, run)) from None
        if view:
            print_end(out, run, last)
        else:
            print_json(last)
    if last.state != "success":
        raise typer.Exit(1)


def watch_dags(environment: Environment, sync: Callable[[], str], *, trigger: str, request: RunRequest) -> None:
    """Call `sync` at every save in the DAGs folder until Ctrl-C; `trigger` names a DAG to run after each sync."""
    environment.check_runs()
    settings = environment.settings
    if not settings.dags_folder.is_dir():
        raise UsageError(f"the DAG folder {settings.dags_folder} is not there", next_step="create it")
    say = RunView(out).say
    say(f"watching {settings.dags_folder}; Ctrl-C ends it")
    with ExitStack() as stack:
        runs = _RunsOfWatch(environment, stack, trigger, request)
        watch = Watch(
            read_saves(settings.dags_folder, environment.parts.clock),
            sync,
            say=say,
            # A question that whoever may sync may ask.
            ping=lambda: environment.parts.kubernetes.get("ConfigMap", settings.dags_config_map, settings.namespace),
            explain=lambda error: explain(error, settings.name),
            after_sync=runs.run if trigger else lambda _: None,
        )
        try:
            watch.run()
        except KeyboardInterrupt:
            say("\nended; what was live stays live")


class _RunsOfWatch:
    """Runs one DAG again and again; the recorder of its pods stays, for its end would cost each save some seconds."""

    def __init__(self, environment: Environment, stack: ExitStack, dag_id: str, request: RunRequest) -> None:
        self._environment = environment
        self._stack = stack
        self._dag_id = dag_id
        self._request = request
        self._recorder: PodRecorder | None = None

    def run(self, has_saves: HasSaves) -> None:
        """Run the DAG and show its logs and states, to its end or to the next save: then the run goes on unseen."""
        environment = self._environment
        if self._recorder is None or self._recorder.has_ended_early:
            recorder = PodRecorder(environment.parts.kubernetes, environment.settings.namespace)
            self._recorder = self._stack.enter_context(recorder)
        with RunView(out) as view:
            run = _start(environment, self._recorder, self._dag_id, self._request, view.say)
            logs = TaskLogs(run)

            def show(snapshot: RunSnapshot) -> None:
                view.show(snapshot)
                for who, lines in logs.news(snapshot):
                    view.log(who, lines)
                if not snapshot.is_over and has_saves():
                    raise _Superseded

            try:
                last = _follow(environment, run, show, view.say, RUN_TIMEOUT_S)
            except KeyboardInterrupt:
                view.say(f"run {run.run_id} goes on; {_where(environment, run)}")
                raise
            except _Superseded:
                view.say(f"a save came in; run {run.run_id} goes on without being shown")
                return
        print_end(out, run, last)


class _Superseded(Exception):  # noqa: N818 - a signal, and no error
    """Something was saved, so the run that is shown is not the newest any more."""


def _start(
    environment: Environment, recorder: PodRecorder, dag_id: str, request: RunRequest, say: Callable[[str], None]
) -> Run:
    clock = environment.parts.clock
    return start_run(
        environment.parts.airflow,
        recorder,
        dag_id,
        request.conf,
        logical_date=request.logical_date,
        say=say,
        now=clock.utc_now,
        clock=clock,
    )


def _follow(
    environment: Environment,
    run: Run,
    on_snapshot: Callable[[RunSnapshot], None],
    say: Callable[[str], None],
    timeout_s: float,
) -> RunSnapshot:
    next_step = f"it goes on; {_where(environment, run)}"
    now = environment.parts.clock.utc_now
    return follow(run, on_snapshot=on_snapshot, say=say, timeout_s=timeout_s, next_step=next_step, now=now)


def _where(environment: Environment, run: Run) -> str:
    url = (
        f"{environment.settings.url or environment.parts.airflow.url}/dags/{quote(run.dag_id)}/runs/{quote(run.run_id)}"
    )
    return f"see it, or end it by marking it failed: {url}"


def _say_aside(text: str) -> None:
    say(err, text)
