"""The commands of the documentation that only look at an environment, as they stand there."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import AirflowEnv
from support.pages import PAGES, read_blocks

from .inside import run

pytestmark = pytest.mark.timeout(120, func_only=True)

LOOKS = ("dags check", "dags diff", "dags history", "doctor", "kubectl -- get", "logs", "status")
HARNESS = ("harness", ".venv/bin/harness")


def find_commands() -> Iterator[str]:
    """Yield what follows `harness` in each command that changes nothing and names no environment of its own."""
    for page in PAGES:
        for program, *words in read_blocks(page.read_text()):
            if program in HARNESS and " ".join(words).startswith(LOOKS):
                yield " ".join(words)


@pytest.mark.parametrize("words", sorted(set(find_commands())))
def test_command_that_looks_succeeds(airflow_env: AirflowEnv, words: str) -> None:
    harness = Path(sys.executable).with_name("harness")
    done = run([str(harness), "--name", airflow_env.settings.name, *words.split()], timeout_s=100)
    assert done.stdout.strip() or words == "dags diff"
