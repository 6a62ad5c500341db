"""Lints the workflows by actionlint, which is built from its Go module when it is not here yet."""

import sys
from pathlib import Path

from harness.command import run_interactive
from harness.settings import load_settings
from harness.tools.go import Go, GoCommand

GITHUB = Path(__file__).parent
ACTIONLINT = GoCommand("actionlint", GITHUB / "go" / "actionlint", "github.com/rhysd/actionlint/cmd/actionlint")


def main() -> int:
    """Return actionlint's exit code; it prints what it finds."""
    binary = Go(load_settings(start=GITHUB).cache_folder).ensure(ACTIONLINT)
    return run_interactive([str(path) for path in (binary, *sorted((GITHUB / "workflows").glob("*.yml")))])


if __name__ == "__main__":
    sys.exit(main())
