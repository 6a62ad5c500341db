"""Reads the traceback of a failed import, finds the author's own line in it, and knows how such things are mended."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from harness.redact import MASK
from harness.settings import Settings

REQUIREMENTS = "harness/images/airflow/requirements.in"
# Providers that share a first name: `airflow.providers.apache.spark` is apache-airflow-providers-apache-spark.
SHARED_NAMES = ("apache", "atlassian", "cncf", "common", "dbt", "ibm", "microsoft")
SHOWN_CHARS = 300
MASKED_CHARS = 4
# Airflow's own settings come from a ConfigMap; they are no secrets, and words like True would be masked everywhere.
SETTINGS = "AIRFLOW__"

_CHAINED = re.compile(
    r"\n\n(?:During handling of the above exception, another exception occurred"
    r"|The above exception was the direct cause of the following exception):\n\n"
)
_FRAME = re.compile(r'^  File "(?P<path>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
_PATH = re.compile(r"\[Errno \d+\] .*: '(/[^']*)'")


@dataclass(frozen=True)
class Advice:
    """What a fix names: the Secret that tasks have their variables from, and where packages are added."""

    variables_secret: str = "airflow-variables"  # noqa: S105 - a name
    packages: str = "the image that the cluster runs"

    @property
    def add_variable(self) -> str:
        """Return what one does about a variable that is not set."""
        return f"add the key to the Secret {self.variables_secret}, or read it inside of a task"


DEFAULT = Advice()


def find_advice(settings: Settings) -> Advice:
    """Return what fixes name in the settings' project."""
    return Advice(settings.variables_secret, _where_packages_are(settings))


def _where_packages_are(settings: Settings) -> str:
    if settings.airflow_image:
        return f"the image {settings.airflow_image}, then `harness up`"
    if named := settings.airflow_dockerfile or settings.airflow_requirements:
        return f"{named}, then `harness up`"
    if (settings.project / REQUIREMENTS).is_file():
        return f"{REQUIREMENTS}, compile it (CONTRIBUTING.md, pins and locks), then `harness up`"
    return "a requirements file, name it as `airflow_requirements` in [tool.harness], then `harness up`"


@dataclass(frozen=True)
class Tree:
    """The folder that is checked: its files by relative path, and where the gate had put it.

    `folder` is what the author calls it. `variables` is the environment of the cluster's tasks, None if unknown.
    `left_out` are files and folders that are there and not delivered.
    """

    files: Mapping[str, bytes]
    root: str
    folder: str = "dags"
    variables: Mapping[str, str] | None = None
    advice: Advice = DEFAULT
    left_out: Collection[str] = ()

    def show(self, path: str) -> str:
        """Return the path of a file as the author would name it."""
        return f"{self.folder}/{path}"

    def has_module(self, path: str) -> bool:
        """Tell whether there is a module or a package of this path, without `.py`."""
        return any(file == f"{path}.py" or file.startswith(f"{path}/") for file in self.files)

    def line(self, path: str, number: int) -> str:
        """Return one line of a file, or nothing."""
        lines = self.files.get(path, b"").decode("utf-8", "replace").splitlines()
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""

    def line_of(self, path: str, dag_id: str) -> int:
        """Return the number of the line that gives a DAG its id, 1 when the id is computed."""
        text = self.files.get(path, b"").decode("utf-8", "replace")
        name = re.escape(dag_id)
        found = re.search(rf"""["']{name}["']|def {name}\b""", text)
        return text.count("\n", 0, found.start()) + 1 if found else 1

    def words(self, text: str) -> str:
        """Return what an exception says, in one line, with the author's paths and without the variables' values."""
        text = text.replace(f"{self.root}/", f"{self.folder}/").strip().split("\n")[0]
        secrets = {value for name, value in (self.variables or {}).items() if not name.startswith(SETTINGS)}
        for value in sorted(secrets, key=len, reverse=True):
            if len(value) >= MASKED_CHARS:
                text = text.replace(value, MASK)
        return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}..."


@dataclass(frozen=True)
class Failure:
    """An exception, and the author's line that raised it; `outside` is a path that is wanted beyond the folder."""

    file: str
    line: int
    name: str
    message: str
    outside: str = ""

    @property
    def text(self) -> str:
        """Return the exception in one line."""
        return f"{self.name}: {self.message}" if self.message else self.name


def read_failure(error: str, file: str, tree: Tree) -> Failure:
    """Return what a traceback (or a single line) says; the place is that of the author's frame nearest to the end."""
    last = _CHAINED.split(error)[-1]
    prefix = f"{tree.root}/"
    frames = [*_FRAME.finditer(last)] if prefix in last else [*_FRAME.finditer(error)]
    own = [frame for frame in frames if frame["path"].startswith(prefix)]
    lines = last.strip().split("\n")
    said = next((line for line in lines if not line.startswith((" ", "Traceback (most recent"))), lines[-1])
    place = (
        (own[-1]["path"].removeprefix(prefix), int(own[-1]["line"])) if own else (file, _line_of_any(file, said, tree))
    )
    name, _, message = said.partition(": ")
    wanted = _PATH.search(said)
    outside = wanted[1] if wanted and not wanted[1].startswith(prefix) else ""
    return Failure(*place, name.rsplit(".", 1)[-1], tree.words(message), tree.words(outside))


def _line_of_any(file: str, said: str, tree: Tree) -> int:
    """Return the first line that names what the message quotes, a DAG or a task."""
    return max((tree.line_of(file, word) for word in re.findall(r"'([\w.-]+)'", said)), default=1)


def find_fix(  # noqa: PLR0911 - a table of cases
    failure: Failure, tree: Tree, missing: Mapping[str, tuple[str, int]]
) -> tuple[str, str]:
    """Return what is wrong and how to mend it; `missing` tells where variables were asked for that are not set."""
    name, message = failure.name, failure.message
    key = message.strip("'\"")
    if name == "ModuleNotFoundError" and (module := re.match(r"No module named '([\w.]+)'", message)):
        return message, _fix_module(module[1], failure, tree)
    if name == "ImportError":
        return message, _fix_import(message, tree)
    if name == "KeyError" and key in missing:
        return (
            f"the environment variable `{key}` is not set",
            tree.advice.add_variable,
        )
    if name == "AirflowTaskTimeout" and (limit := re.search(r"after ([\d.]+)s", message)):
        return (
            f"its import did not end in {float(limit[1]):g} s",
            "move what takes so long into a task; the limit is [core] dagbag_import_timeout",
        )
    if name == "SystemExit":
        return f"exit() at import ({failure.text})", 'put it below `if __name__ == "__main__":`, or into a task'
    asked = [variable for variable, place in missing.items() if place == (failure.file, failure.line)]
    if asked:
        return failure.text, f"this line needs {', '.join(asked)}: {tree.advice.add_variable}"
    fixes = {
        "SyntaxError": "save the file as UTF-8" if "(unicode error)" in message else "correct the syntax",
        "UnicodeDecodeError": "save the file as UTF-8: Airflow stores the text of each DAG's file",
        "IndentationError": "correct the indentation",
        "FileNotFoundError": _fix_path(message, tree),
        "RecursionError": "nest less deep, or read the data from a file",
        "MemoryError": "nest less deep, or read the data from a file",
    }
    if message.startswith("Direct database access"):
        return message, "ask Airflow's API inside of a task"
    return failure.text, fixes.get(name, "correct it, or do it in a task: Airflow runs this line whenever it imports")


def _fix_path(message: str, tree: Tree) -> str:
    found = re.search(rf"'{re.escape(tree.folder)}/(.+)'", message)
    for left_out in tree.left_out:
        if found and f"{found[1]}/".startswith(f"{left_out}/"):
            return (
                f"{tree.show(left_out)} is there, but hidden files are not delivered: give it another name; "
                f"what is secret belongs into the Secret {tree.advice.variables_secret}"
            )
    return f"put it below {tree.folder}/, and find it by `Path(__file__).parent`"


def _fix_module(module: str, failure: Failure, tree: Tree) -> str:
    root = module.partition(".")[0]
    line = tree.line(failure.file, failure.line)
    provider = _find_provider(module, line)
    if provider:
        return f"add {provider} to {tree.advice.packages}"
    if root == "airflow":
        return "the cluster's Airflow has no such module: correct the import"
    path = module.replace(".", "/")
    if tree.has_module(path):
        return f"an installed module `{root}` comes first: give {tree.show(root)} another name"
    for right in (*_without_outer_folders(module, line, tree), *_within_folders(path, tree)):
        return f"import it as `{right}`: names begin at {tree.folder}/"
    return f"put {path}.py into {tree.folder}/, or add the package that brings `{root}` to {tree.advice.packages}"


def _without_outer_folders(module: str, line: str, tree: Tree) -> Iterator[str]:
    """Yield a name that is right but for folders before it: the DAG folder's own, and those that it is in."""
    said = re.match(r"(?:from\s+([\w.]+)\s+import\b\s*\(?\s*(\w*)|import\s+([\w.]+))", line)
    named = ".".join(filter(None, said.groups())) if said else ""
    parts = (named if f"{named}.".startswith(f"{module}.") else module).split(".")
    for start in range(1, len(parts)):
        for end in range(len(parts), start, -1):
            if tree.has_module("/".join(parts[start:end])):
                yield ".".join(parts[start:end])


def _within_folders(path: str, tree: Tree) -> Iterator[str]:
    """Yield a name that lacks the folders before it."""
    for file in sorted(tree.files):
        found = re.match(rf"(.+/){re.escape(path)}(\.py$|/)", file)
        if found:
            yield f"{found[1]}{path}".replace("/", ".")


def _find_provider(missing: str, line: str) -> str:
    """Return the package of a provider that the image lacks; the error may name no more than its first name."""
    wanted = re.search(r"airflow\.providers\.[\w.]+", line)
    parts = (wanted[0] if wanted and wanted[0].startswith(missing) else missing).split(".")
    if parts[:2] != ["airflow", "providers"] or len(parts) < 3:  # noqa: PLR2004 - airflow.providers.NAME
        return ""
    names = parts[2:4] if parts[2] in SHARED_NAMES else parts[2:3]
    if len(missing.split(".")) > 2 + len(names):
        return ""  # the provider is there, and has no such module
    return "-".join(["apache-airflow-providers", *names]).replace("_", "-")


def _fix_import(message: str, tree: Tree) -> str:
    if "attempted relative import" in message:
        return f"a DAG file is no part of a package: name the module by its path from {tree.folder}/"
    found = re.match(rf"cannot import name '(\w+)' from .*\({re.escape(tree.folder)}/(.+)\)$", message)
    if found:
        return f"{tree.show(found[2])} defines no `{found[1]}`"
    return "the version in the cluster's image has no such name: correct the import"
