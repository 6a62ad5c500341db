"""How long from a save until Airflow's API serves it: `make dags`, and `kubectl apply` with Airflow's default clocks.

    .venv/bin/tox run -e bench [-- --name bench --edits 20 --baseline 5]

Both are measured in one run, on one cluster and with the same 20 DAGs. An edit is served when the API returns the
DAG's new text, a new file when it returns the DAG, a removed one when the DAG is stale. The baseline's three changes go
into one `kubectl apply`, for each takes minutes and waits for the same clocks.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from harness.command import run
from harness.delivery.bundles import find_target
from harness.delivery.target import Target
from harness.environment import Environment
from harness.nodes import control_plane
from harness.parts import Parts
from harness.settings import load_settings
from harness.steps import Outcome
from harness.tools.kind import KUBECTL
from harness.waiting import NotYet, wait_until

HERE = Path(__file__).parent
DAGS = 20
KINDS = ("edit", "new file", "removed file")
BASELINE_S = 900

DAG = """
from airflow.sdk import dag, task


@dag(schedule=None, catchup=False, tags=["bench"])
def {dag_id}() -> None:
    @task
    def say() -> str:
        return "{word}"

    say()


{dag_id}()
"""

Times = dict[str, list[float]]


class Quiet:
    """Reports the steps of `up` by their names alone."""

    def started(self, name: str) -> None:
        """Print the step's name."""
        print(f"  {name}", flush=True)

    def said(self, text: str) -> None: ...

    def ended(self, name: str, outcome: Outcome, seconds: float) -> None: ...


def main(
    name: Annotated[str, typer.Option(help="Environment; made when it is missing, and left there.")] = "bench",
    edits: Annotated[int, typer.Option(help="Changes of each kind by the harness.")] = 20,
    baseline: Annotated[int, typer.Option(min=2, help="Changes of each kind by kubectl apply; 5 minutes each.")] = 5,
    results: Annotated[Path, typer.Option(help="Folder for the JSON and the table.")] = HERE / "results",
) -> None:
    """Measure both ways and write the results."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        for number in range(DAGS):
            write(folder, f"bench_{number}", "first")
        environment = open_environment(name)
        environment.up(Quiet())
        harness = measure_harness(environment, folder, edits)
        environment = open_environment(name, HERE / "default-clocks.yaml")
        environment.up(Quiet())
        plain = measure_baseline(environment, folder, baseline)
        write_results(results, harness, plain)
        # With the fast clocks again, or Airflow would take minutes to see that the DAGs are gone.
        environment = open_environment(name)
        environment.up(Quiet())
        environment.parts.bundle("e2e-plain").remove()
    print(table(harness, plain))


def write_results(folder: Path, harness: Times, plain: Times) -> None:
    """Write all numbers as JSON, and the table."""
    found = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, {platform.machine()}",
        "dags": DAGS,
        "harness_s": harness,
        "baseline_s": plain,
    }
    folder.mkdir(exist_ok=True)
    (folder / "dags_live.json").write_text(json.dumps(found, indent=2) + "\n")
    (folder / "dags_live.md").write_text(table(harness, plain))


def open_environment(name: str, *overlays: Path) -> Environment:
    """Return the environment, with overlays beside its own."""
    settings = load_settings({"name": name})
    return Environment(Parts(load_settings({"name": name, "values": [*settings.values, *overlays]})))


def write(folder: Path, dag_id: str, word: str) -> None:
    """Save a DAG file."""
    (folder / f"{dag_id}.py").write_text(DAG.format(dag_id=dag_id, word=word))


def measure_harness(environment: Environment, folder: Path, count: int) -> Times:
    """Return the seconds of each change, from the save to the end of a sync with its gate."""
    settings = environment.settings.model_copy(update={"dags": folder, "dags_bundle": "e2e"})
    dags = replace(environment.parts.dags, settings=settings)
    dags.sync(force=True)
    times: Times = {kind: [] for kind in KINDS}
    for number in range(count):
        for kind, save in saves(folder, number):
            start = time.monotonic()
            save()
            dags.sync()
            times[kind].append(round(time.monotonic() - start, 2))
            print(f"harness  {kind:<13} {times[kind][-1]:6.2f} s", flush=True)
    environment.parts.bundle("e2e").remove()
    return times


def measure_baseline(environment: Environment, folder: Path, count: int) -> Times:
    """Return the seconds of each change, from the save to the API, with a plain mount and nobody's help."""
    target = find_target(environment.settings, "e2e-plain")
    (folder / ".airflowignore").write_text("..*\n")
    kubectl_apply(environment, folder, target)
    wait_for(environment, served(environment, f"bench_{DAGS - 1}", "say"))
    times: Times = {kind: [] for kind in KINDS}
    for number in range(count):
        doomed = f"bench_plain_{number - 1}"
        checks = {"edit": served(environment, f"bench_{number}", f"plain {number}")}
        checks["new file"] = served(environment, f"bench_plain_{number}", "say")
        if number:
            checks["removed file"] = gone(environment, doomed)
            (folder / f"{doomed}.py").unlink()
        write(folder, f"bench_{number}", f"plain {number}")
        write(folder, f"bench_plain_{number}", "new")
        start = time.monotonic()
        kubectl_apply(environment, folder, target)
        left = dict(checks)

        def probe(left: dict[str, Callable[[], bool]] = left, start: float = start) -> bool | NotYet:
            for kind in [kind for kind, check in left.items() if check()]:
                times[kind].append(round(time.monotonic() - start, 2))
                print(f"baseline {kind:<13} {times[kind][-1]:6.2f} s", flush=True)
                del left[kind]
            return NotYet(", ".join(left)) if left else True

        wait_until("the baseline", probe, timeout_s=BASELINE_S)
    return times


def saves(folder: Path, number: int) -> list[tuple[str, Callable[[], None]]]:
    """Return the three changes, in an order in which each finds what it needs."""
    extra = f"bench_extra_{number}"
    return [
        ("edit", lambda: write(folder, f"bench_{number % DAGS}", f"edited {number}")),
        ("new file", lambda: write(folder, extra, "new")),
        ("removed file", (folder / f"{extra}.py").unlink),
    ]


def served(environment: Environment, dag_id: str, word: str) -> Callable[[], bool]:
    """Return whether the API has the DAG, with this word in its text."""
    return lambda: word in (environment.parts.airflow.dag_source(dag_id) or "")


def gone(environment: Environment, dag_id: str) -> Callable[[], bool]:
    """Return whether the DAG is stale."""

    def check() -> bool:
        dag = environment.parts.airflow.dag(dag_id)
        return dag is None or dag.is_stale

    return check


def wait_for(environment: Environment, check: Callable[[], bool]) -> None:
    """Wait until Airflow has the DAGs to begin with."""
    wait_until(f"DAGs at {environment.settings.url}", lambda: check() or NotYet("none"), timeout_s=BASELINE_S)


def kubectl_apply(environment: Environment, folder: Path, target: Target) -> None:
    """Do what a person without the harness does."""
    data = {path.name: path.read_text() for path in sorted(folder.iterdir())}
    metadata = {"name": target.config_map, "namespace": target.namespace}
    manifest = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    node = control_plane(environment.settings)
    run(
        [environment.parts.docker.binary, "exec", "-i", node, *KUBECTL, "apply", "-f", "-"],
        stdin=manifest,
        timeout_s=60,
    )


def table(harness: Times, plain: Times) -> str:
    """Return the results as a Markdown table."""
    head = "| change | `make dags` p50 | p95 | n | `kubectl apply` p50 | max | n | ratio of p50 |"
    lines = [head, "|" + " --- |" * 8]
    for kind in KINDS:
        ours, theirs = harness[kind], plain[kind]
        ratio = statistics.median(theirs) / statistics.median(ours)
        lines.append(
            f"| {kind} | {statistics.median(ours):.1f} s | {p95(ours):.1f} s | {len(ours)} "
            f"| {statistics.median(theirs):.0f} s | {max(theirs):.0f} s | {len(theirs)} | {ratio:.0f} |"
        )
    return "\n".join(lines) + "\n"


def p95(times: list[float]) -> float:
    """Return the 95th percentile, of few values the largest."""
    return sorted(times)[min(len(times) - 1, round(0.95 * len(times)))]


if __name__ == "__main__":
    typer.run(main)
