"""Small DAG folders as people have them, and what is right for each: what pack refuses, and what the gate finds."""

import io
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SDK = "from airflow.sdk import DAG\n"


@dataclass(frozen=True)
class Case:
    """A folder, by its files and what `prepare` makes beside them, and what is right.

    `refused` is what pack says. `dags` leads from the ids that the gate finds to their files, `problems` and `notes`
    are what it says, with `settings` of the cluster. Each is the beginning of a line without the folder's name.
    """

    files: Mapping[str, str | bytes]
    prepare: Callable[[Path], object] = lambda _: None
    refused: tuple[str, ...] = ()
    dags: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def make(self, folder: Path) -> Path:
        """Write the folder and return it."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        folder.mkdir(exist_ok=True)
        self.prepare(folder)
        return folder


def define(dag_id: str, more: str = "") -> str:
    """Return a file that defines a DAG without tasks."""
    return f"{SDK}{more}\nwith DAG({dag_id!r}):\n    pass\n"


def zip_of(files: Mapping[str, str]) -> bytes:
    """Return a zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def make_loop(folder: Path) -> None:
    """Make two links, each to the other."""
    (folder / "x").symlink_to("y")
    (folder / "y").symlink_to("x")


GENERATOR = f"""{SDK}
from pathlib import Path

for file in sorted((Path(__file__).parent / "teams").glob("*.txt")):
    globals()[file.stem] = DAG(f"load_{{file.stem}}")
"""
BOM = b"\xef\xbb\xbf"
TAKE_OUT = "\n    fix: take it out of the folder"
DEEP = f"{SDK}TABLE = {' + '.join(['1'] * 20_000)}\n"

CASES = {
    "ignored": Case(
        {".airflowignore": "old/\n", "old/retired.py": define("retired"), "kept.py": define("kept")},
        dags={"kept": "kept.py"},
    ),
    "ignored by a pattern of the cluster's syntax": Case(
        {".airflowignore": "_draft\\.py$\n", "a_draft.py": define("draft"), "kept.py": define("kept")},
        dags={"kept": "kept.py"},
        settings={"AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX": "regexp"},
    ),
    "without the words that Airflow looks for": Case(
        {
            "company.py": "from airflow.sdk import DAG as Pipeline\n",
            "wrapped.py": "from company import Pipeline\n\nwith Pipeline('wrapped'):\n    pass\n",
        }
    ),
    "without these words, where the cluster takes all files": Case(
        {
            "company.py": "from airflow.sdk import DAG as Pipeline\n",
            "wrapped.py": "from company import Pipeline\n\nwith Pipeline('wrapped'):\n    pass\n",
        },
        dags={"wrapped": "wrapped.py"},
        settings={"AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False"},
    ),
    "registered or not": Case(
        {
            "a.py": f'{SDK}one = DAG("replaced")\none = DAG("last")\n',
            "b.py": f'{SDK}def make():\n    return DAG("of_a_function")\n\n\nmade = make()\n',
            "c.py": f'{SDK}DAGS = [DAG("in_a_list")]\n',
            "d.py": f'{SDK}"""It was DAG("of_a_text")."""\n',
        },
        dags={"last": "a.py", "of_a_function": "b.py"},
        notes=(
            "a.py:2: the DAG `replaced` is made, and Airflow will not know it: no variable of the module holds it",
            "c.py:2: the DAG `in_a_list` is made, and Airflow will not know it: no variable of the module holds it",
        ),
    ),
    "a DAG that another file imports": Case(
        {
            "base.py": f'{SDK}dag = DAG("base")\n',
            "other.py": f"{SDK}import base\n\ndag = DAG(f'after_{{base.DAG.__name__}}')\n",
        },
        dags={"after_DAG": "other.py", "base": "base.py"},
    ),
    "an ignored file that does not compile": Case(
        {".airflowignore": "old/\n", "old/python2.py": "print 'DAG of airflow'\n", "kept.py": define("kept")},
        dags={"kept": "kept.py"},
        notes=("old/python2.py:1: does not compile, and `.airflowignore` leaves it out: ",),
    ),
    "an id that Airflow refuses": Case(
        {"a.py": define("of a report")}, problems=("a.py:3: ValueError: The key 'of a report' has to be made of ",)
    ),
    "a generator alone": Case(
        {"generator.py": GENERATOR, "teams/north.txt": "", "teams/south.txt": ""},
        dags={"load_north": "generator.py", "load_south": "generator.py"},
    ),
    "a zip file alone": Case(
        {"packed.zip": zip_of({"packed.py": "import inside_zip\n" + define("packed"), "inside_zip.py": "X = 1\n"})},
        dags={"packed": "packed.zip"},
    ),
    "byte order mark": Case(
        {"bom.py": BOM + define("bom").encode(), "helper.py": BOM + b"X = 1\n"},
        dags={"bom": "bom.py"},
    ),
    "declared encoding": Case(
        {
            "helper.py": b"# -*- coding: cp1252 -*-\nSIGN = '\x80'\n",
            "euro.py": define("euro", "from helper import SIGN\n\nassert SIGN == '\\N{EURO SIGN}'\n"),
        },
        dags={"euro": "euro.py"},
    ),
    "a DAG file that is not UTF-8": Case(
        {"latin.py": b"# -*- coding: latin-1 -*-\n" + define("latin").encode() + b"# caf\xe9\n"},
        problems=(
            (
                "latin.py:1: UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9 in position 88: invalid "
                "continuation byte\n    fix: save the file as UTF-8: Airflow stores the text of each DAG's file"
            ),
        ),
    ),
    "line ends of Windows": Case({"crlf.py": define("crlf").replace("\n", "\r\n")}, dags={"crlf": "crlf.py"}),
    "an executable": Case(
        {
            "bin/tool": "#!/bin/sh\necho here\n",
            "runs.py": define(
                "runs",
                "import subprocess\nfrom pathlib import Path\n\n"
                "assert subprocess.check_output([Path(__file__).parent / 'bin/tool']) == b'here\\n'\n",
            ),
        },
        prepare=lambda folder: (folder / "bin/tool").chmod(0o755),
        dags={"runs": "runs.py"},
    ),
    "an empty folder": Case(
        {
            "inbox.py": define(
                "inbox", "from pathlib import Path\n\nassert (Path(__file__).parent / 'inbox').is_dir()\n"
            ),
        },
        prepare=lambda folder: (folder / "inbox").mkdir(),
        dags={"inbox": "inbox.py"},
    ),
    "a hidden file": Case(
        {
            ".secrets": "x",
            "reads.py": f"{SDK}from pathlib import Path\n\nopen(Path(__file__).parent / '.secrets')\n",
        },
        problems=(
            (
                "reads.py:4: FileNotFoundError: [Errno 2] No such file or directory: 'dags/.secrets'\n"
                "    fix: dags/.secrets is there, but hidden files are not delivered: give it another name; what is "
                "secret belongs into the Secret airflow-variables"
            ),
        ),
    ),
    "imports with the folder's name": Case(
        {
            "shared/__init__.py": "",
            "shared/owners.py": "",
            "a.py": f"{SDK}from dags.shared import owners\n",
        },
        problems=("a.py:2: No module named 'dags'\n    fix: import it as `shared.owners`: names begin at dags/",),
    ),
    "names of many kinds": Case(
        {
            "[old] month (final) v2.py": define("month"),
            "größe/übersicht.py": define("overview"),
            "notes/Shot 2026-01-02 at 9.52\u202fAM.png": b"\x89PNG",
            "notes/zero\u200bwidth.txt": "",
        },
        dags={"month": "[old] month (final) v2.py", "overview": "größe/übersicht.py"},
    ),
    "a name that is not UTF-8": Case(
        {"a.py": define("a")},
        prepare=lambda folder: (folder / os.fsdecode(b"m\xe9t\xe9o.csv")).touch(),
        refused=("m\\xe9t\\xe9o.csv: its name is not UTF-8\n    fix: rename it",),
    ),
    "a control character in a name": Case(
        {"a.py": define("a"), "bell\a.txt": ""},
        refused=("'bell\\x07.txt': a control character in the name\n    fix: rename it",),
    ),
    "an expression that is too deep": Case(
        {"deep.py": DEEP, "kept.py": define("kept")},
        dags={"kept": "kept.py"},
        problems=("deep.py:1: RecursionError: maximum recursion depth exceeded",),
    ),
    "a helper that does not compile": Case(
        {"kept.py": define("kept"), "lib/broken.py": "def f(:\n"},
        dags={"kept": "kept.py"},
        problems=("lib/broken.py:1: SyntaxError: invalid syntax\n    fix: correct the syntax",),
    ),
    "a pipe": Case(
        {"a.py": define("a")},
        prepare=lambda folder: os.mkfifo(folder / "pipe"),
        refused=(f"pipe: a named pipe, which cannot be delivered{TAKE_OUT}",),
    ),
    "links in a loop": Case(
        {"a.py": define("a")},
        prepare=make_loop,
        refused=tuple(f"{name}: a link that leads to itself\n    fix: remove the link" for name in "xy"),
    ),
    "a huge file": Case(
        {"a.py": define("a")},
        prepare=lambda folder: os.truncate(os.open(folder / "huge.csv", os.O_CREAT | os.O_WRONLY), 1 << 42),
        refused=("huge.csv: the folder has 4398046511",),
    ),
    "settings of the cluster read at import": Case(
        {"a.py": f"{SDK}from airflow.configuration import conf\n\ndag = DAG(conf.get('team', 'prefix') + '_a')\n"},
        dags={"north_a": "a.py"},
        settings={"AIRFLOW__TEAM__PREFIX": "north"},
    ),
    "another executor": Case(
        {
            "local.py": (
                "from airflow.providers.standard.operators.empty import EmptyOperator\n"
                + define("local").replace("pass", 'EmptyOperator(task_id="x", executor="LocalExecutor")')
            )
        },
        dags={"local": "local.py"},
        settings={"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"},
    ),
    "a timetable that no plugin registers": Case(
        {
            "odd.py": (
                "from airflow.sdk import DAG\nfrom airflow.timetables.simple import NullTimetable\n\n\n"
                "class Odd(NullTimetable):\n    pass\n\n\n"
                "with DAG('odd', schedule=Odd()):\n    pass\n"
            )
        },
        problems=("odd.py:9: SerializationError: Failed to serialize DAG 'odd': Timetable class ",),
    ),
    "a DAG that an Airflow Variable names": Case(
        {"named.py": "from airflow.sdk import DAG, Variable\n\ndag = DAG(Variable.get('name', default='unnamed'))\n"},
        dags={"unnamed": "named.py"},
        notes=("named.py:3: reads Airflow Variable `name` at import; checked as if there were none",),
    ),
}
