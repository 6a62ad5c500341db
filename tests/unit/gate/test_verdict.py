"""The gate's judgment: each kind of bad input with its exact message, and what is never held against a file."""

from pathlib import Path
from typing import Any

import pytest

from harness.gate.container.server import new_result
from harness.gate.fixes import REQUIREMENTS, Advice, Tree, find_advice
from harness.gate.verdict import Answer, Definitions, Verdict, judge

from ..samples import settings_of

ROOT = "/tmp/check-x/dags"  # noqa: S108 - in the container
TO_IMAGE = "to the image that the cluster runs"


def result(file: str = "a.py", **others: Any) -> dict[str, Any]:
    return new_result(file) | {"ended": "whole"} | others


def unknown(kind: str, name: str, file: str = "a.py", line: int = 2) -> dict[str, Any]:
    return {"kind": kind, "name": name, "file": file, "line": line}


def traceback(said: str, *frames: tuple[str, int]) -> str:
    """Return what Airflow keeps of a failed import: its own frames, the author's, and those of libraries."""
    own = "".join(f'  File "{ROOT}/{file}", line {line}, in <module>\n    code\n' for file, line in frames)
    return (
        "Traceback (most recent call last):\n"
        '  File "/opt/venv/lib/python3.11/site-packages/airflow/importer.py", line 238, in parse\n    exec\n'
        f'{own}  File "/opt/venv/lib/python3.11/site-packages/library.py", line 9, in call\n    ^^^^\n{said}\n'
    )


def judge_all(*results: dict[str, Any], files: dict[str, str] | None = None, variables: Any = ()) -> Verdict:
    known = None if variables is None else dict(variables)
    tree = Tree({name: text.encode() for name, text in (files or {}).items()}, ROOT, variables=known)
    return judge(Answer(ROOT, 50, "", list(results)), tree, seconds=0.5)


def problem_of(*results: dict[str, Any], **others: Any) -> str:
    verdict = judge_all(*results, **others)
    assert verdict.notes == ()
    (problem,) = verdict.problems
    return str(problem)


def note_of(*results: dict[str, Any], **others: Any) -> str:
    verdict = judge_all(*results, **others)
    assert verdict.problems == ()
    (note,) = verdict.notes
    return str(note)


def test_good_folder_gives_its_dags() -> None:
    verdict = judge_all(result("a.py", dag_ids=["two", "one"]), result("helper.py"))
    assert verdict == Verdict((), (), Definitions({"one": "a.py", "two": "a.py"}), 0.5)


@pytest.mark.parametrize(
    ("line", "said", "message"),
    [
        (
            "from airflow.providers.http.operators.http import HttpOperator",
            "ModuleNotFoundError: No module named 'airflow.providers.http'",
            (
                "dags/a.py:2: No module named 'airflow.providers.http'\n"
                f"    fix: add apache-airflow-providers-http {TO_IMAGE}"
            ),
        ),
        (
            "import airflow.providers.apache.spark.operators.spark_submit as spark",
            "ModuleNotFoundError: No module named 'airflow.providers.apache'",
            (
                "dags/a.py:2: No module named 'airflow.providers.apache'\n"
                f"    fix: add apache-airflow-providers-apache-spark {TO_IMAGE}"
            ),
        ),
        (
            "from airflow.providers.standard.operators.nope import Nope",
            "ModuleNotFoundError: No module named 'airflow.providers.standard.operators.nope'",
            (
                "dags/a.py:2: No module named 'airflow.providers.standard.operators.nope'\n"
                "    fix: the cluster's Airflow has no such module: correct the import"
            ),
        ),
        (
            "from airflow.operators.bash_operator import BashOperator",
            "ModuleNotFoundError: No module named 'airflow.operators.bash_operator'",
            (
                "dags/a.py:2: No module named 'airflow.operators.bash_operator'\n"
                "    fix: the cluster's Airflow has no such module: correct the import"
            ),
        ),
        (
            "import pandas",
            "ModuleNotFoundError: No module named 'pandas'",
            (
                "dags/a.py:2: No module named 'pandas'\n"
                f"    fix: put pandas.py into dags/, or add the package that brings `pandas` {TO_IMAGE}"
            ),
        ),
        (
            "import near",
            "ModuleNotFoundError: No module named 'near'",
            "dags/a.py:2: No module named 'near'\n    fix: import it as `team.near`: names begin at dags/",
        ),
        (
            "import tests.common",
            "ModuleNotFoundError: No module named 'tests.common'",
            (
                "dags/a.py:2: No module named 'tests.common'\n"
                "    fix: an installed module `tests` comes first: give dags/tests another name"
            ),
        ),
        (
            "from team.near import nope",
            f"ImportError: cannot import name 'nope' from 'team.near' ({ROOT}/team/near.py)",
            (
                "dags/a.py:2: cannot import name 'nope' from 'team.near' (dags/team/near.py)\n"
                "    fix: dags/team/near.py defines no `nope`"
            ),
        ),
        (
            "from json import nope",
            "ImportError: cannot import name 'nope' from 'json' (/usr/lib/python3.11/json/__init__.py)",
            (
                "dags/a.py:2: cannot import name 'nope' from 'json' (/usr/lib/python3.11/json/__init__.py)\n"
                "    fix: the version in the cluster's image has no such name: correct the import"
            ),
        ),
        (
            "from .team import near",
            "ImportError: attempted relative import with no known parent package",
            (
                "dags/a.py:2: attempted relative import with no known parent package\n"
                "    fix: a DAG file is no part of a package: name the module by its path from dags/"
            ),
        ),
        (
            "exit(3)",
            "SystemExit: 3",
            (
                "dags/a.py:2: exit() at import (SystemExit: 3)\n"
                '    fix: put it below `if __name__ == "__main__":`, or into a task'
            ),
        ),
        (
            "def a(:",
            "SyntaxError: invalid syntax",
            "dags/a.py:2: SyntaxError: invalid syntax\n    fix: correct the syntax",
        ),
        (
            "  x = 1",
            "IndentationError: unexpected indent",
            "dags/a.py:2: IndentationError: unexpected indent\n    fix: correct the indentation",
        ),
        (
            "while True: pass",
            "airflow.sdk.exceptions.AirflowTaskTimeout: DagBag import timeout for x after 30.0s.\nPlease look",
            (
                "dags/a.py:2: its import did not end in 30 s\n"
                "    fix: move what takes so long into a task; the limit is [core] dagbag_import_timeout"
            ),
        ),
        (
            "with create_session(): pass",
            "RuntimeError: Direct database access via the ORM is not allowed in Airflow 3.0",
            (
                "dags/a.py:2: Direct database access via the ORM is not allowed in Airflow 3.0\n"
                "    fix: ask Airflow's API inside of a task"
            ),
        ),
        (
            "(Path(__file__).parent / 'x.sql').read_text()",
            f"FileNotFoundError: [Errno 2] No such file or directory: '{ROOT}/x.sql'",
            (
                "dags/a.py:2: FileNotFoundError: [Errno 2] No such file or directory: 'dags/x.sql'\n"
                "    fix: put it below dags/, and find it by `Path(__file__).parent`"
            ),
        ),
        (
            "1 / 0",
            "ZeroDivisionError: division by zero",
            (
                "dags/a.py:2: ZeroDivisionError: division by zero\n"
                "    fix: correct it, or do it in a task: Airflow runs this line whenever it imports"
            ),
        ),
    ],
)
def test_failed_import_says_where_what_and_how_to_mend_it(line: str, said: str, message: str) -> None:
    files = {"a.py": f"import os\n{line}\n", "team/near.py": "", "tests/common.py": ""}
    assert problem_of(result(error=traceback(said, ("a.py", 2))), files=files) == message


def test_line_is_that_of_the_exception_that_came_last() -> None:
    cause = traceback("KeyError: 'x'", ("a.py", 7))
    error = f"{cause}\nDuring handling of the above exception, another exception occurred:\n\n"
    error += traceback("ValueError: no x", ("a.py", 9))
    assert problem_of(result(error=error)).startswith("dags/a.py:9: ValueError: no x\n")


def test_error_in_a_helper_is_told_once_at_its_line() -> None:
    results = [
        result(f"{name}.py", error=traceback("NameError: name 'x' is not defined", (f"{name}.py", 1), ("lib/h.py", 4)))
        for name in "abc"
    ]
    message = "dags/lib/h.py:4: NameError: name 'x' is not defined (imported by dags/a.py and 2 more)\n"
    assert problem_of(*results).startswith(message)


def test_error_without_the_author_s_frame_is_placed_by_its_name() -> None:
    error = "UnknownExecutorException: Task 'load' specifies executor 'CeleryExecutor', which is not available."
    files = {"a.py": "import x\n\n@task\ndef load(): ...\n"}
    assert problem_of(result(error=error), files=files).startswith("dags/a.py:4: UnknownExecutorException: Task 'load'")


def test_cycle_names_its_tasks() -> None:
    files = {"a.py": 'import x\nwith DAG("loop"):\n    pass\n'}
    given = result(error="AirflowDagCycleException: Cycle detected", cycles={"loop": ["extract", "load"]})
    assert problem_of(given, files=files) == (
        "dags/a.py:2: the tasks of the DAG `loop` wait for each other: extract >> load >> extract\n"
        "    fix: take one of these dependencies away"
    )


def test_duplicate_dag_id_names_both_files() -> None:
    files = {"a.py": "\n\n@dag\ndef same(): ...\n", "b/c.py": 'DAG("same")\n'}
    results = [result("a.py", dag_ids=["same"]), result("b/c.py", dag_ids=["same"])]
    assert problem_of(*results, files=files) == (
        "dags/b/c.py:1: the DAG id `same` is taken by dags/a.py:4\n    fix: give one of the two another id"
    )
    assert judge_all(*results, files=files).defined.files == {"same": "a.py"}


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (
            "exit 7",
            (
                "dags/a.py:1: its import ended the process (exit code 7)\n"
                "    fix: a DAG file must not end the process that imports it: do that in a task"
            ),
        ),
        (
            "exit -9",
            (
                "dags/a.py:1: its import was killed (SIGKILL)\n"
                "    fix: it may need more memory than the gate's 2 GiB: do that in a task"
            ),
        ),
        (
            "exit -11",
            (
                "dags/a.py:1: its import crashed the process (signal 11)\n"
                "    fix: find the native library that the file imports"
            ),
        ),
        (
            "time",
            "dags/a.py:1: its import did not end in 50 s\n    fix: move what takes so long into a task",
        ),
    ],
)
def test_import_that_did_not_come_to_its_end(ended: str, message: str) -> None:
    assert problem_of(result(ended=ended)) == message


def test_folder_that_airflow_cannot_search() -> None:
    answer = Answer(ROOT, 50, traceback("ValueError: bad rule"), [])
    (problem,) = judge(answer, Tree({}, ROOT), seconds=0).problems
    assert str(problem) == (
        "dags/.airflowignore:1: Airflow cannot search the folder: ValueError: bad rule\n"
        "    fix: correct the rules: the dag-processor would end with this error"
    )


KEY_ERROR = traceback("KeyError: 'API_URL'", ("a.py", 2))


def test_missing_variable_of_the_environment_is_named() -> None:
    given = result(error=KEY_ERROR, unknowns=[unknown("environment", "API_URL")])
    assert problem_of(given) == (
        "dags/a.py:2: the environment variable `API_URL` is not set\n"
        "    fix: add the key to the Secret airflow-variables, or read it inside of a task"
    )


def test_line_that_fails_without_a_variable_says_so() -> None:
    given = result(
        error=traceback("TypeError: int() argument must be a string", ("a.py", 2)),
        unknowns=[unknown("environment", "LIMIT"), unknown("environment", "OTHER", line=1)],
    )
    assert problem_of(given) == (
        "dags/a.py:2: TypeError: int() argument must be a string\n"
        "    fix: this line needs LIMIT: add the key to the Secret airflow-variables, or read it inside of a task"
    )


def test_key_that_is_no_variable_is_an_ordinary_error() -> None:
    assert problem_of(result(error=KEY_ERROR)).startswith("dags/a.py:2: KeyError: 'API_URL'\n    fix: correct it")


def test_without_a_cluster_nobody_knows_the_variables() -> None:
    given = result(error=KEY_ERROR, unknowns=[unknown("environment", "API_URL")])
    assert note_of(given, variables=None) == (
        "dags/a.py:2: not checked: reads the environment variable `API_URL` at import"
    )


def test_variables_that_the_pod_has_are_not_known_here() -> None:
    given = result(
        error=traceback("KeyError: 'KUBERNETES_SERVICE_HOST'", ("a.py", 2)),
        unknowns=[unknown("environment", "KUBERNETES_SERVICE_HOST")],
    )
    assert note_of(given).endswith("not checked: reads the environment variable `KUBERNETES_SERVICE_HOST` at import")


@pytest.mark.parametrize(
    ("kind", "name", "asked"),
    [
        ("variable", "region", "reads Airflow Variable `region` at import"),
        ("connection", "lake", "reads Airflow Connection `lake` at import"),
        ("database", "GetXCom", "asks Airflow's database at import (GetXCom)"),
        ("network", "api.example.com", "uses the network at import (api.example.com)"),
    ],
)
def test_what_only_the_cluster_can_answer_is_a_note(kind: str, name: str, asked: str) -> None:
    failed = result(error=traceback("SomeError: there is none", ("a.py", 2)), unknowns=[unknown(kind, name)])
    assert note_of(failed) == f"dags/a.py:2: not checked: {asked}"
    assert note_of(result(unknowns=[unknown(kind, name)])) == f"dags/a.py:2: {asked}; checked as if there were none"


def test_error_that_may_follow_from_the_unknown_blocks_nothing() -> None:
    given = result(error=traceback("KeyError: 'a'", ("a.py", 8)), unknowns=[unknown("variable", "region")])
    assert note_of(given) == (
        "dags/a.py:2: not checked: reads Airflow Variable `region` at import; without it: dags/a.py:8: KeyError: 'a'"
    )


def test_dag_id_that_may_follow_from_the_unknown_blocks_nothing() -> None:
    verdict = judge_all(
        result("a.py", dag_ids=["same"]), result("b.py", dag_ids=["same"], unknowns=[unknown("variable", "id", "b.py")])
    )
    assert verdict.problems == ()
    assert [str(note) for note in verdict.notes] == [
        "dags/b.py:1: not checked: the DAG id `same` is taken by dags/a.py:1, unless that depends on what is not here",
        "dags/b.py:2: reads Airflow Variable `id` at import; checked as if there were none",
    ]


def test_path_outside_of_the_folder_may_be_there_in_a_pod() -> None:
    said = "FileNotFoundError: [Errno 2] No such file or directory: '/opt/data/regions.csv'"
    assert note_of(result(error=traceback(said, ("a.py", 2)))) == (
        "dags/a.py:2: not checked: needs /opt/data/regions.csv at import; not here"
    )


def test_unset_variable_that_does_no_harm_is_not_worth_a_word() -> None:
    verdict = judge_all(result(unknowns=[unknown("environment", "DEBUG")]), variables=None)
    assert (verdict.problems, verdict.notes) == ((), ())


def test_values_of_variables_are_masked() -> None:
    error = traceback("ValueError: cannot use s3cr3t for True", ("a.py", 2))
    variables = {"TOKEN": "s3cr3t", "AIRFLOW__CORE__LOAD_EXAMPLES": "True"}
    assert problem_of(result(error=error), variables=variables).startswith(
        "dags/a.py:2: ValueError: cannot use *** for True\n"
    )


def test_long_message_is_cut() -> None:
    message = problem_of(result(error=traceback(f"ValueError: {'x' * 1000}", ("a.py", 2))))
    assert message.split("\n")[0] == f"dags/a.py:2: ValueError: {'x' * 300}..."


def test_file_that_is_there_and_left_out_is_said_to_be() -> None:
    said = f"FileNotFoundError: [Errno 2] No such file or directory: '{ROOT}/etl/.env'"
    given = result(error=traceback(said, ("a.py", 2)))
    tree = Tree({}, ROOT, variables={}, advice=Advice("team-variables"), left_out=["etl/.env"])
    (problem,) = judge(Answer(ROOT, 50, "", [given]), tree, seconds=0).problems
    assert problem.fix == (
        "dags/etl/.env is there, but hidden files are not delivered: give it another name; "
        "what is secret belongs into the Secret team-variables"
    )
    (other,) = judge(Answer(ROOT, 50, "", [given]), Tree({}, ROOT, variables={}), seconds=0).problems
    assert other.fix == "put it below dags/, and find it by `Path(__file__).parent`"


@pytest.mark.parametrize(
    ("line", "missing", "right"),
    [
        ("from dags.common import OWNER", "dags", "common"),
        ("from dags.common.owners import OWNER", "dags", "common.owners"),
        ("import dags.common.owners as owners", "dags", "common.owners"),
        ("from dags import common", "dags", "common"),
        ("from src.dags.common import OWNER", "src", "common"),
        ("from dags.common import OWNER", "dags.common", "common"),
        ("from dags.common import (  # several", "dags", "common"),
    ],
)
def test_name_with_the_folder_s_own_is_led_back(line: str, missing: str, right: str) -> None:
    files = {"a.py": f"import os\n{line}\n", "common/__init__.py": "", "common/owners.py": ""}
    given = result(error=traceback(f"ModuleNotFoundError: No module named '{missing}'", ("a.py", 2)))
    assert problem_of(given, files=files) == (
        f"dags/a.py:2: No module named '{missing}'\n    fix: import it as `{right}`: names begin at dags/"
    )


@pytest.mark.parametrize("said", ["RecursionError: maximum recursion depth exceeded", "MemoryError"])
def test_source_that_is_too_deep_is_told(said: str) -> None:
    assert problem_of(result("table.py", error=traceback(said))) == (
        f"dags/table.py:1: {said}\n    fix: nest less deep, or read the data from a file"
    )


def test_source_of_another_encoding_is_told() -> None:
    said = "SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xe9 in position 5: invalid continuation byte"
    assert problem_of(result(error=traceback(said, ("a.py", 1)))).endswith("fix: save the file as UTF-8")


def test_definitions_tell_what_the_gate_could_not_know() -> None:
    outside = "FileNotFoundError: [Errno 2] No such file or directory: '/opt/data/regions.csv'"
    verdict = judge_all(
        result("a.py", dag_ids=["a"], imports=["lib/h.py", "b.py", "e.zip/h.py"]),
        result("f.zip", imports=["f.zip/inner.py"]),
        result("b.py", dag_ids=["b"], unknowns=[unknown("variable", "id", "b.py")]),
        result("c.py", error=traceback(outside, ("c.py", 2))),
        result("d.py", dag_ids=["d"], unknowns=[unknown("environment", "DEBUG", "d.py")]),
    )
    assert verdict.defined == Definitions(
        {"a": "a.py", "b": "b.py", "d": "d.py"}, frozenset({"b.py", "c.py"}), frozenset({"lib/h.py", "b.py", "e.zip"})
    )


def test_fixes_name_what_the_project_has(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, variables_secret="team-variables")  # noqa: S106 - a name
    own = "a requirements file, name it as `airflow_requirements` in [tool.harness], then `harness up`"
    assert find_advice(settings) == Advice("team-variables", own)
    (settings.project / REQUIREMENTS).parent.mkdir(parents=True)
    (settings.project / REQUIREMENTS).touch()
    assert find_advice(settings).packages.startswith(f"{REQUIREMENTS}, compile it")


def test_ignored_file_that_does_not_compile_is_a_note() -> None:
    broken = traceback("SyntaxError: invalid syntax", ("old/a.py", 3))
    note = note_of(result("old/a.py", error=broken, is_ignored=True))
    assert note.startswith("dags/old/a.py:3: does not compile, and `.airflowignore` leaves it out: ")


def test_dag_that_no_variable_holds_is_a_note() -> None:
    made = [{"dag_id": dag_id, "file": "a.py", "line": line} for line, dag_id in enumerate(("kept", "lost"), 4)]
    assert note_of(result(dag_ids=["kept"], made=made)) == (
        "dags/a.py:5: the DAG `lost` is made, and Airflow will not know it: no variable of the module holds it"
    )


def test_dag_of_another_file_is_no_note() -> None:
    made = [{"dag_id": "kept", "file": "a.py", "line": 4}]
    both = judge_all(result(dag_ids=["kept"], made=made), result("b.py", made=made))
    assert (both.problems, both.notes) == ((), ())


@pytest.mark.parametrize(
    ("image", "named"),
    [
        ({"airflow_image": "team/airflow:1"}, "the image team/airflow:1"),
        ({"airflow_dockerfile": Path("image/Dockerfile")}, "image/Dockerfile"),
        ({"airflow_requirements": Path("requirements.txt")}, "requirements.txt"),
    ],
)
def test_fixes_name_what_the_project_s_image_is_made_of(tmp_path: Path, image: dict[str, Any], named: str) -> None:
    settings = settings_of(tmp_path, **image)
    (settings.project / REQUIREMENTS).parent.mkdir(parents=True)
    (settings.project / REQUIREMENTS).touch()
    assert find_advice(settings).packages == f"{named}, then `harness up`"
