"""Turns what the import of each DAG file told into problems and notes that read like a compiler's."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.gate.fixes import Tree, find_fix, read_failure
from harness.gate.problem import Problem
from harness.tools import Json

# Set in the dag-processor's pod by the chart and by Kubernetes, so their absence here says nothing.
POD_VARIABLES = ("AIRFLOW", "KUBERNETES_", "HOSTNAME")
ASKED = {
    "variable": "reads Airflow Variable `{}` at import",
    "connection": "reads Airflow Connection `{}` at import",
    "database": "asks Airflow's database at import ({})",
    "network": "uses the network at import ({})",
    "environment": "reads the environment variable `{}` at import",
}


@dataclass(frozen=True, order=True)
class Note:
    """What the gate could not know of a file; it keeps nothing out."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


@dataclass(frozen=True)
class Definitions:
    """Which file defines which DAGs: `files` leads from each id to its file, relative to the folder.

    `uncertain` are the files whose DAGs may be others in the cluster: their import asked for what the gate has not.
    `imported` are those that other files import.
    """

    files: Mapping[str, str]
    uncertain: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Answer:
    """The answer of the gate's server; `container/server.py` describes it."""

    tree: str
    limit_s: int
    discovery_error: str
    results: list[Json]


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a folder; it may be delivered when there are no problems."""

    problems: tuple[Problem, ...]
    notes: tuple[Note, ...]
    defined: Definitions
    seconds: float


def judge(answer: Answer, tree: Tree, *, seconds: float) -> Verdict:
    """Return the verdict on the answer of the gate's server."""
    if answer.discovery_error:
        failure = read_failure(answer.discovery_error, ".airflowignore", tree)
        found = Problem(
            tree.show(".airflowignore"),
            1,
            f"Airflow cannot search the folder: {failure.text}",
            "correct the rules: the dag-processor would end with this error",
        )
        return Verdict((found,), (), Definitions({}), seconds)
    problems: list[tuple[str, Problem]] = []
    notes: list[Note] = []
    for result in answer.results:
        unknowns = [unknown for unknown in result["unknowns"] if _matters(unknown, tree)]
        found_problem = _problem(result, answer, tree)
        outside = found_problem and not unknowns and _note_of_outside(result, tree)
        if outside:
            notes.append(outside)
        elif unknowns:
            notes += _notes(result["file"], unknowns, found_problem, tree)
        elif found_problem and result["is_ignored"]:
            what = f"does not compile, and `.airflowignore` leaves it out: {found_problem.what}"
            notes.append(Note(found_problem.file, found_problem.line, what))
        elif found_problem:
            problems.append((result["file"], found_problem))
    taken, doubtful = _duplicates(answer.results, tree)
    return Verdict(
        tuple(sorted([*_merge(problems, tree), *taken])),
        tuple(sorted([*notes, *doubtful, *_unregistered(answer.results, tree)])),
        _define(answer.results, tree),
        seconds,
    )


def _define(results: list[Json], tree: Tree) -> Definitions:
    ids = {dag_id: result["file"] for result in reversed(results) for dag_id in result["dag_ids"]}
    uncertain = {
        result["file"]
        for result in results
        if _note_of_outside(result, tree) or any(_matters(unknown, tree) for unknown in result["unknowns"])
    }
    # Inside of a zip file a path goes on.
    imported = {(result["file"], re.sub(r"\.zip/.*", ".zip", path)) for result in results for path in result["imports"]}
    return Definitions(
        dict(sorted(ids.items())), frozenset(uncertain), frozenset(path for file, path in imported if path != file)
    )


def _matters(unknown: Json, tree: Tree) -> bool:
    """Tell whether the cluster may answer otherwise: the variables of its tasks are known, unless nobody asked it."""
    if unknown["kind"] != "environment":
        return True
    return tree.variables is None or unknown["name"].startswith(POD_VARIABLES)


def _problem(result: Json, answer: Answer, tree: Tree) -> Problem | None:
    file = result["file"]
    shown = tree.show(file)
    if result["ended"] == "time":
        return Problem(shown, 1, f"its import did not end in {answer.limit_s} s", "move what takes so long into a task")
    if result["ended"] != "whole":
        return Problem(shown, 1, *_explain_end(result["ended"].removeprefix("exit ")))
    if result["cycles"]:
        dag_id, tasks = next(iter(result["cycles"].items()))
        path = " >> ".join([*tasks, tasks[0]])
        return Problem(
            shown,
            tree.line_of(file, dag_id),
            f"the tasks of the DAG `{dag_id}` wait for each other: {path}",
            "take one of these dependencies away",
        )
    if not result["error"]:
        return None
    failure = read_failure(result["error"], file, tree)
    missing = {
        unknown["name"]: (unknown["file"], unknown["line"])
        for unknown in result["unknowns"]
        if unknown["kind"] == "environment"
    }
    return Problem(tree.show(failure.file), failure.line, *find_fix(failure, tree, missing))


def _explain_end(code: str) -> tuple[str, str]:
    if code == "-9":
        return "its import was killed (SIGKILL)", "it may need more memory than the gate's 2 GiB: do that in a task"
    if code.startswith("-"):
        return f"its import crashed the process (signal {code[1:]})", "find the native library that the file imports"
    return (
        f"its import ended the process (exit code {code})",
        "a DAG file must not end the process that imports it: do that in a task",
    )


def _note_of_outside(result: Json, tree: Tree) -> Note | None:
    """Return a note when the import wants a path outside of the folder, which a pod may well have."""
    if result["ended"] != "whole" or not result["error"]:
        return None
    failure = read_failure(result["error"], result["file"], tree)
    if not failure.outside:
        return None
    return Note(tree.show(failure.file), failure.line, f"not checked: needs {failure.outside} at import; not here")


def _notes(file: str, unknowns: list[Json], problem: Problem | None, tree: Tree) -> Iterator[Note]:
    place = unknowns[0]
    asked = list(dict.fromkeys(ASKED[unknown["kind"]].format(unknown["name"]) for unknown in unknowns))
    where = (tree.show(place.get("file", file)), place.get("line", 1))
    if problem is None:
        told = [words for unknown, words in zip(unknowns, asked, strict=False) if unknown["kind"] != "environment"]
        if told:
            yield Note(*where, f"{', '.join(told)}; checked as if there were none")
        return
    is_there = any((tree.show(u.get("file", file)), u.get("line", 1)) == (problem.file, problem.line) for u in unknowns)
    stopped = "" if is_there else f"; without it: {problem.file}:{problem.line}: {problem.what}"
    yield Note(*where, f"not checked: {', '.join(asked)}{stopped}")


def _merge(problems: list[tuple[str, Problem]], tree: Tree) -> Iterator[Problem]:
    """Yield each problem once: that of a helper is met by every DAG file that imports it."""
    importers: dict[Problem, list[str]] = {}
    for file, problem in problems:
        importers.setdefault(problem, []).append(file)
    for problem, files in importers.items():
        others = sorted(tree.show(file) for file in files if tree.show(file) != problem.file)
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        by = f" (imported by {others[0]}{more})" if others else ""
        yield Problem(problem.file, problem.line, problem.what + by, problem.fix)


def _unregistered(results: list[Json], tree: Tree) -> Iterator[Note]:
    """Yield a note for each DAG that an import made and no file gives to Airflow."""
    known = {dag_id for result in results for dag_id in result["dag_ids"]}
    whole = [result for result in results if not result["error"] and result["ended"] == "whole"]
    made = {(dag["dag_id"], dag["file"], dag["line"]) for result in whole for dag in result["made"]}
    for dag_id, file, line in made:
        if dag_id not in known:
            what = f"the DAG `{dag_id}` is made, and Airflow will not know it: no variable of the module holds it"
            yield Note(tree.show(file), line, what)


def _duplicates(results: list[Json], tree: Tree) -> tuple[list[Problem], list[Note]]:
    """Return the ids that several files give: notes where an id may depend on what is not known here."""
    first: dict[str, Json] = {}
    problems, notes = [], []
    for result in results:
        for dag_id in result["dag_ids"]:
            other = first.setdefault(dag_id, result)
            if other is result:
                continue
            where = f"{tree.show(other['file'])}:{tree.line_of(other['file'], dag_id)}"
            place = tree.show(result["file"]), tree.line_of(result["file"], dag_id)
            what = f"the DAG id `{dag_id}` is taken by {where}"
            if any(_matters(unknown, tree) for one in (result, other) for unknown in one["unknowns"]):
                notes.append(Note(*place, f"not checked: {what}, unless that depends on what is not here"))
            else:
                problems.append(Problem(*place, what, "give one of the two another id"))
    return problems, notes
