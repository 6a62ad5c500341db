"""What each gate is: DAG files in, a verdict out; where they are imported differs."""

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from importlib.resources import files as package_files

from harness.errors import Verb
from harness.gate.fixes import Advice, Tree
from harness.gate.verdict import Answer, Verdict, judge
from harness.waiting import Clock

SCRIPTS = "harness.gate.container"
NO_VERIFY = Verb("dags sync --no-verify", "delivers without the gate")


class BaseGate(ABC):
    """Imports DAG files as the dag-processor does; `advice` is what its fixes name."""

    advice: Advice
    clock: Clock

    def check(
        self,
        files: Mapping[str, bytes],
        *,
        variables: Mapping[str, str] | None,
        settings: Mapping[str, str] | None = None,
        executables: Collection[str] = (),
        folders: Collection[str] = (),
        left_out: Collection[str] = (),
        name: str = "dags",
    ) -> Verdict:
        """Import the DAG files among `files` (path relative to the DAG folder -> content) and return the verdict.

        `executables` are those that can be executed, `folders` those that hold nothing, `left_out` is what is there and
        not delivered, `name` what the author calls the DAG folder. `variables` is the environment in which the cluster
        imports DAGs, None when no cluster was asked; `settings` are Airflow's own there, as environment variables. A
        warm check of 20 DAGs takes less than a second, the first some seconds. Raises UsageError when the image is not
        there, HarnessError when the container does not answer, even a new one.
        """
        started = self.clock.now()
        header = {
            "files": {path: len(body) for path, body in files.items()},
            "executables": sorted(executables),
            "folders": sorted(folders),
            "environment": {**(settings or {}), **(variables or {})},
        }
        answer = self._check(b"".join([json.dumps(header).encode(), b"\n", *files.values()]))
        tree = Tree(files, answer.tree, name, variables, self.advice, left_out)
        return judge(answer, tree, seconds=self.clock.now() - started)

    @abstractmethod
    def _check(self, request: bytes) -> Answer:
        """Return the answer of `container/server.py` to a request."""


def read_script(name: str) -> str:
    """Return the text of a script that runs where the DAG files are imported."""
    return package_files(SCRIPTS).joinpath(f"{name}.py").read_text()
