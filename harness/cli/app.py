"""The verbs."""

import os
import shutil
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from harness.advice import find_command
from harness.cli import dags, logs
from harness.cli.asking import Yes, ask
from harness.cli.options import AsJson, open_environment
from harness.cli.output import StepPrinter, err, out, print_backup, print_json, print_table, say
from harness.cli.status import print_status
from harness.cli.what_ran import show_what_runs
from harness.command import run_interactive
from harness.environment import Environment
from harness.errors import UsageError, put_in_words
from harness.nodes import control_plane
from harness.starter.project import write_project
from harness.status import read_status
from harness.tools.kind import KUBECTL

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    help="Airflow with the KubernetesExecutor on kind: local dev environment and end-to-end tests.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(dags.app, name="dags")


@app.callback()
def common(
    context: typer.Context,
    name: Annotated[str | None, typer.Option("--name", help="Environment; several live side by side.")] = None,
    images: Annotated[str | None, typer.Option(help="Where images come from: auto, registry or mirrors.")] = None,
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", envvar="HARNESS_VERBOSE", help="Show each command and request that runs.")
    ] = False,
) -> None:
    """Airflow with the KubernetesExecutor on kind: local dev environment and end-to-end tests."""
    context.obj.flags = {"name": name, "images": images}
    context.obj.verb = context.invoked_subcommand or ""
    if verbose:
        context.with_resource(show_what_runs(err))


@app.command()
def init() -> None:
    """Make a project here: settings, a DAG, its end-to-end test, .gitignore, a CI workflow. What is there stays."""
    written = write_project(Path.cwd())
    for word, paths in (("made", written.made), ("kept", written.kept)):
        for path in paths:
            say(out, f"  {word}  {path}")
    say(out, f"\nnext: {find_command()} up")


@app.command()
def up(
    context: typer.Context,
    workers: Annotated[int | None, typer.Option(help="Worker nodes beside the control plane.")] = None,
    *,
    yes: Yes = False,
) -> None:
    """Make the environment, or what is missing of it, and print how to use it."""
    environment = open_environment(context, log="up", workers=workers)
    _ask_here(environment, "make it what the project's settings, chart and DAGs say", yes=yes)
    started = environment.parts.clock.now()
    environment.up(StepPrinter())
    command = find_command(environment.settings.name)
    say(
        out,
        f"\nAirflow is up at {environment.settings.url} ({environment.parts.clock.now() - started:.0f} s)\n"
        f"  how to log in:  {command} status\n  sync the DAGs:  {command} dags sync",
    )


@app.command()
def down(context: typer.Context, *, yes: Yes = False) -> None:
    """Remove the environment: nodes, volumes, network and files. Images and caches stay."""
    environment = open_environment(context, log="down")
    _ask_here(environment, "remove it", yes=yes)
    environment.down(StepPrinter())


@app.command()
def stop(context: typer.Context, *, yes: Yes = False) -> None:
    """Stop the nodes: no process of the environment runs; all that it holds stays for `start`."""
    environment = open_environment(context, log="stop")
    environment.check_exists()
    _ask_here(environment, "stop it, with all tasks that run", yes=yes)
    environment.stop(StepPrinter())


@app.command()
def start(context: typer.Context) -> None:
    """Start nodes that `stop` has stopped, and wait until Airflow is healthy."""
    environment = open_environment(context, log="start")
    environment.check_exists()
    environment.start(StepPrinter())


@app.command()
def pause(context: typer.Context, *, yes: Yes = False) -> None:
    """Let every process on the nodes stand still: no CPU is used, all memory is kept, runs wait."""
    environment = open_environment(context)
    environment.check_exists()
    _ask_here(environment, "pause it, with all tasks that run", yes=yes)
    environment.pause(StepPrinter())


@app.command()
def resume(context: typer.Context) -> None:
    """Let nodes go on that `pause` made stand still."""
    environment = open_environment(context)
    environment.check_exists()
    environment.resume(StepPrinter())


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="By default one in the state folder.", show_default=False)] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Write the embedded database, and the Fernet key that reads it, into one file."""
    environment = open_environment(context)
    environment.check_runs()
    print_backup("written", environment.backup(file, StepPrinter(err if as_json else out)), as_json=as_json)
    say(err, "keep it like a password: its key reads every connection and variable", style="dim")


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `harness backup` has written.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Also while tasks run: they end.")] = False,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Put a backup in the place of the embedded database; what was not in it is gone."""
    environment = open_environment(context)
    environment.check_runs()
    _ask_here(environment, "put a backup in the place of its database", yes=yes)
    restored = environment.restore(file, StepPrinter(err if as_json else out), force=force)
    print_backup("restored", restored, as_json=as_json)


@app.command()
def reset(
    context: typer.Context,
    *,
    force: Annotated[bool, typer.Option("--force", help="Also while tasks run: they end.")] = False,
    yes: Yes = False,
) -> None:
    """Make Airflow's metadata as freshly installed: no runs, connections, variables or pools. DAGs and users stay."""
    environment = open_environment(context)
    environment.check_runs()
    _ask_here(environment, "empty its history, connections and variables", yes=yes)
    environment.reset(StepPrinter(), force=force)


@app.command()
def status(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show cluster, release, components, DAGs, URL and how to log in."""
    environment = open_environment(context)
    environment.check_exists()
    rows = read_status(environment)
    print_status(environment, rows, as_json=as_json)
    if not all(row.is_good for row in rows):
        raise typer.Exit(1)


@app.command()
def doctor(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Check this machine for all that an environment needs, with a cure for each finding."""
    environment = open_environment(context)
    command = find_command(environment.settings.name)
    checks = [replace(check, cure=put_in_words(check.cure, command)) for check in environment.examine()]
    if as_json:
        print_json(checks)
    else:
        print_table(
            ("CHECK", "", "SEEN"),
            [
                (check.name, check.verdict, f"{check.seen}{f' -> {check.cure}' if check.cure else ''}")
                for check in checks
            ],
        )
    if any(check.verdict == "problem" for check in checks):
        raise typer.Exit(UsageError.exit_code)


@app.command("test", context_settings=PASS_THROUGH)
def run_tests(context: typer.Context, *, yes: Yes = False) -> None:
    """Run the project's tests on this environment, in the project's folder; what follows `--` goes to pytest."""
    settings = open_environment(context).settings
    if find_spec("pytest") is None:
        raise UsageError(
            f"{sys.executable} has no pytest",
            next_step="install the harness with its extra: pip install 'airflow-kind-harness[pytest]'",
        )
    ask(settings, "run tests, which start DAG runs there and may empty its history", yes=yes)
    argv = [sys.executable, "-m", "pytest", f"--airflow-env={settings.name}", *settings.tests, *context.args]
    raise typer.Exit(run_interactive(argv, cwd=settings.project, env={"HARNESS_PROTECTED": "false"}))


app.command("logs")(logs.logs)


@app.command(context_settings=PASS_THROUGH)
def kubectl(context: typer.Context) -> None:
    """Run kubectl on the cluster: harness kubectl -- get pods."""
    raise typer.Exit(_run_kubectl(open_environment(context), context.args))


@app.command(context_settings=PASS_THROUGH)
def airflow(context: typer.Context) -> None:
    """Run Airflow's own command line in the scheduler's pod: harness airflow -- dags list."""
    environment = open_environment(context)
    settings = environment.settings
    words = ["-n", settings.namespace, "exec", "-i", *(["-t"] if _has_tty() else []), settings.scheduler]
    words += ["-c", settings.scheduler_container, "--", "airflow", *context.args]
    raise typer.Exit(_run_kubectl(environment, words))


def _ask_here(environment: Environment, what: str, *, yes: bool) -> None:
    """Ask, but not where the verb is refused whatever the answer: on a cluster that is there."""
    if not environment.settings.is_elsewhere:
        ask(environment.settings, what, yes=yes)


def _run_kubectl(environment: Environment, words: list[str]) -> int:
    """Run the node's kubectl, or on a cluster that is there the person's own."""
    environment.check_runs()
    settings = environment.settings
    if settings.is_elsewhere:
        if shutil.which("kubectl") is None:
            raise UsageError("there is no kubectl on PATH", next_step="install the one of your cluster's version")
        # By the variable, which may name several files.
        files = {"KUBECONFIG": str(settings.kubeconfig)}
        return run_interactive(["kubectl", f"--context={settings.context}", *words], env=files)
    docker, node = environment.parts.docker, control_plane(settings)
    flags = ["-i", *(["-t"] if _has_tty() else [])]
    return run_interactive([docker.binary, "exec", *flags, node, *KUBECTL, *words], env=docker.env)


def _has_tty() -> bool:
    return os.isatty(sys.stdin.fileno()) and os.isatty(sys.stdout.fileno())


@app.command()
def pins(
    *,
    update: Annotated[bool, typer.Option("--update", help="Write what upstream publishes for these versions.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Compare pins.toml with what uses it (the default).")] = False,
) -> None:
    """Check or update the pinned versions, digests and checksums."""
    from harness.pin_check import check_pins, update_pins

    if update and check:
        raise UsageError("--check and --update exclude each other", next_step="give one of them")
    if update:
        for line in update_pins(Path(__file__).parents[1]):
            say(out, line)
    problems = check_pins()
    for problem in problems:
        say(err, problem)
    if problems:
        raise typer.Exit(1)
    say(out, "all pins agree")
