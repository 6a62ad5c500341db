"""The files of the tutorial, as its page shows them."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/tutorial/first-dag.md"
FILE = re.compile(r"^```python\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read_files() -> dict[str, str]:
    """Return path -> text of each file that a reader writes."""
    return dict(FILE.findall(PAGE.read_text()))
