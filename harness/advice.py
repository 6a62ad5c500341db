"""What stands behind `next:`: an error's advice, as the person would type it for the environment that is meant."""

import os
import shutil
import sys
from pathlib import Path

from harness.errors import HarnessError, put_in_words
from harness.settings import DEV

SCRIPT = "harness"


def find_command(name: str = DEV) -> str:
    """Return what calls the harness for the environment `name`, as short as the shell takes it from this folder."""
    called = Path(sys.argv[0])
    script = called if called.name == SCRIPT else Path(sys.executable).with_name(SCRIPT)
    is_on_path = shutil.which(SCRIPT) == str(script.absolute())
    command = SCRIPT if is_on_path else min(os.path.relpath(script), str(script), key=len)
    return command if name == DEV else f"{command} --name {name}"


def explain(error: HarnessError, name: str) -> str:
    """Return what to do about an error in the environment `name`, or an empty string."""
    return put_in_words(error.advice, find_command(name))
