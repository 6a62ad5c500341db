"""The verbs of `harness dags`."""

from collections.abc import Iterable
from typing import Annotated

import typer

from harness.advice import find_command
from harness.cli.asking import Yes, ask
from harness.cli.options import AsJson, open_environment
from harness.cli.output import err, out, print_json, print_table, say
from harness.cli.run_request import RUN_TIMEOUT_S, parse_request
from harness.delivery.folder import Plan
from harness.delivery.live import Delivery
from harness.environment import Environment
from harness.errors import UsageError, put_in_words
from harness.tools.airflow_records import NOW

app = typer.Typer(help="The DAGs in the cluster.", no_args_is_help=True)

Force = Annotated[bool, typer.Option("--force", help="Overwrite another hand's change, and a newer commit.")]
Conf = Annotated[str, typer.Option(help="The run's conf, a JSON object.", show_default=False)]
KIB = 1024
WOULD_CHANGE = 3


@app.command("sync")
def sync(
    context: typer.Context,
    *,
    force: Force = False,
    no_verify: Annotated[
        bool, typer.Option("--no-verify", help="Neither compile nor import the files before they are delivered.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell; exit code 3 if a sync would change it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what --dry-run tells as JSON.")] = False,
    yes: Yes = False,
) -> None:
    """Check the DAGs folder, deliver it and wait until Airflow serves it; no pod restarts."""
    if as_json and not dry_run:
        raise UsageError("--json is for --dry-run alone", next_step="give both, or none")
    environment = open_environment(context, log="dags-sync")
    environment.parts.dags.package()
    environment.check_runs()
    if no_verify:
        say(err, "not verified: the files were neither compiled nor imported in Airflow's image")
    plan = None
    if dry_run or (environment.settings.protected and not yes):
        plan = environment.parts.dags.plan(force=force, is_verified=not no_verify)
        _print_plan(plan, as_json=as_json)
        if dry_run:
            raise typer.Exit(WOULD_CHANGE if plan.would_change else 0)
        ask(environment.settings, f"deliver version {plan.version} over {plan.current or 'nothing'}", yes=yes)
    delivery = environment.parts.dags.sync(force=force, is_verified=not no_verify, planned=plan)
    print_notes(_notes_of(delivery, environment))
    say(out, in_words(delivery))


def _print_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    print_notes(plan.notes)
    for word, paths in (("add", plan.added), ("change", plan.changed), ("remove", plan.removed)):
        for path in paths:
            say(out, f"would {word} {path}")
    if not plan.would_change:
        say(out, "the cluster has what the folder has")


def _notes_of(delivery: Delivery, environment: Environment) -> list[str]:
    advice = put_in_words(delivery.advice, find_command(environment.settings.name))
    return [*delivery.notes, *([advice] if advice else [])]


def print_notes(notes: Iterable[str]) -> None:
    """Print what a check could not know, before what it does know."""
    for note in notes:
        say(err, note, style="dim")


def in_words(delivery: Delivery) -> str:
    """Return what a delivery did as a line of text."""
    counts = {"changed": delivery.changed_dags, "added": delivery.added_dags, "removed": delivery.removed_dags}
    words = [f"{count} {verb}" for verb, count in counts.items() if count]
    if words:
        count, verb = words[0].split()
        words[0] = f"{count} DAG{'' if count == '1' else 's'} {verb}"
    if delivery.other_files:
        words.append(f"{delivery.other_files} other file{'' if delivery.other_files == 1 else 's'}")
    return f"live: {', '.join(words) or 'nothing to change'} in {delivery.seconds:.1f} s"


@app.command("check")
def check(context: typer.Context) -> None:
    """Check the DAGs folder without delivering it; needs no cluster."""
    package, verdict = open_environment(context).parts.dags.check()
    print_notes(map(str, verdict.notes))
    found = f"{len(package.files)} files, {len(verdict.defined.files)} DAGs, {package.size_bytes} bytes"
    say(out, f"{found}: no problem found in {verdict.seconds:.1f} s")


@app.command("history")
def history(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the versions that the cluster holds, the newest first."""
    environment = open_environment(context)
    environment.check_runs()
    versions = environment.parts.dags.history()
    if as_json:
        print_json(versions)
        return
    rows = [
        (
            version.version,
            f"{version.current_since:%Y-%m-%d %H:%M:%S}" if version.current_since else "never",
            str(version.files),
            f"{version.size_bytes / KIB:.0f} KiB",
            ", ".join(
                filter(
                    None,
                    (
                        "current" if version.is_current else "",
                        f"{version.unfinished_runs} unfinished runs" if version.unfinished_runs else "",
                        "" if version.is_verified else "not verified",
                        str(version.origin),
                    ),
                )
            ),
        )
        for version in versions
    ]
    print_table(("VERSION", "CURRENT SINCE (UTC)", "FILES", "SIZE", ""), rows)


@app.command("rollback")
def rollback(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="Its first digits; by default the version before this one.")] = "",
    *,
    force: Force = False,
    yes: Yes = False,
) -> None:
    """Make an earlier version the current one again, and wait until Airflow serves it."""
    environment = open_environment(context)
    environment.check_runs()
    # Found before the question: another sync meanwhile would make another one that before the current.
    version = environment.parts.dags.find(version)
    ask(environment.settings, f"go back to version {version}", yes=yes)
    found, delivery = environment.parts.dags.rollback(version, force=force)
    say(out, f"{in_words(delivery)}; back at version {found}")
    say(out, "the folder is as it was: the next sync delivers it again", style="dim")


@app.command("diff")
def diff(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show how the folder differs from the cluster; exit code 1 if it does."""
    environment = open_environment(context)
    environment.check_runs()
    drift = environment.parts.dags.store.drift()
    differences = environment.parts.dags.diff()
    if as_json:
        print_json({"drift": drift, "files": differences})
    else:
        if drift:
            say(err, f"changed by somebody else: {drift}")
        for found in differences:
            where = {(True, True): "changed", (True, False): "only in the cluster", (False, True): "only in the folder"}
            say(out, f"{found.path}: {where[found.cluster, found.folder]}", style="bold")
            say(out, found.text, end="")
        if not differences and not drift:
            say(out, "the cluster has what the folder has")
    if differences or drift:
        raise typer.Exit(1)


@app.command("run")
def run(
    context: typer.Context,
    dag_id: Annotated[str, typer.Argument(help="The DAG to run.")],
    *,
    conf: Conf = "",
    logical_date: Annotated[str, typer.Option(help="In ISO 8601, or `now`, or `none`.")] = NOW,
    timeout: Annotated[float, typer.Option(help="Seconds to follow the run at most.")] = RUN_TIMEOUT_S,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Start a run of a DAG and follow it to its end; exit code 1 when it fails."""
    from harness.cli.dags_commands import run_dag

    request = parse_request(conf, logical_date)
    environment = open_environment(context)
    ask(environment.settings, f"start a run of DAG {dag_id}", yes=yes)
    run_dag(environment, dag_id, request, timeout_s=timeout, as_json=as_json)


@app.command("watch")
def watch(
    context: typer.Context,
    trigger: Annotated[
        str, typer.Option(metavar="DAG_ID", help="Also run this DAG after each sync.", show_default=False)
    ] = "",
    *,
    conf: Conf = "",
    yes: Yes = False,
) -> None:
    """Sync at every save, until Ctrl-C."""
    from harness.cli.dags_commands import watch_dags

    request = parse_request(conf)
    environment = open_environment(context)
    ask(environment.settings, "deliver the DAGs folder at every save", yes=yes)
    watch_dags(environment, lambda: _sync_in_words(environment), trigger=trigger, request=request)


def _sync_in_words(environment: Environment) -> str:
    delivery = environment.parts.dags.sync()
    return "\n".join((*_notes_of(delivery, environment), in_words(delivery)))
